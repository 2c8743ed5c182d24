import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.List;

/** Gives a collection another name, also in another database; between databases a server copies and drops. */
final class Rename {
    private final Server server;
    private final Channel channel;

    Rename(Server server, Channel channel) {
        this.server = server;
        this.channel = channel;
    }

    Document run(String from, String to, boolean dropTarget) {
        if (server.isView(from)) throw new MongoServerError(166, "CommandNotSupportedOnView", "a view can not be renamed");
        if (server.isView(to)) throw new MongoServerError(48, "NamespaceExists", "a view already exists with that name");
        if (!server.exists(channel, from)) throw new MongoServerError(26, "NamespaceNotFound", "Source collection " + from + " does not exist");
        String[] old = from.split("\\.", 2);
        String[] place = to.split("\\.", 2);
        if (server.exists(channel, to)) {
            if (!dropTarget) throw new MongoServerError(48, "NamespaceExists", "target namespace exists");
            server.run(channel, place[0], "drop", new Document("drop", place[1]));
        }
        server.move(from, to);
        if (old[0].equals(place[0]))
            return server.plain(channel, "admin", "renameCollection", new Document("renameCollection", from).append("to", to));
        server.plain(channel, place[0], "create", new Document("create", place[1]));
        List<Document> indexes = Server.batch(server.plain(channel, old[0], "listIndexes", new Document("listIndexes", old[1])));
        indexes.removeIf(one -> "_id_".equals(one.get("name")));
        if (!indexes.isEmpty())
            server.plain(channel, place[0], "createIndexes", new Document("createIndexes", place[1]).append("indexes", indexes));
        List<Document> documents = Server.batch(server.plain(channel, old[0], "aggregate",
            new Document("aggregate", old[1]).append("pipeline", new ArrayList<>()).append("cursor", new Document())));
        server.plain(channel, place[0], "insert", new Document("insert", place[1]).append("documents", documents).append("ordered", true));
        return server.plain(channel, old[0], "drop", new Document("drop", old[1]));
    }
}
