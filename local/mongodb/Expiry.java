import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import io.netty.channel.Channel;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Indexes that let documents expire: how long is changed by collMod, and what is over goes when somebody looks, if a test wants it. */
final class Expiry {
    private static final String SECONDS = "expireAfterSeconds";

    private final Server server;
    private volatile boolean eager;

    Expiry(Server server) {
        this.server = server;
    }

    void setEager(boolean eager) {
        this.eager = eager;
    }

    Document change(String database, String collection, Document query) {
        Document told = (Document) query.get("index");
        for (Document index : indexes(database, collection))
            if (told != null && index.get("name").equals(told.get("name"))) {
                index.put(SECONDS, told.get(SECONDS));
                return Server.okay(new Document());
            }
        throw new MongoServerError(27, "IndexNotFound", "collMod of an index that is not there");
    }

    void look(Channel channel, String database, String collection) {
        if (!eager) return;
        for (Document index : indexes(database, collection)) {
            if (!(index.get(SECONDS) instanceof Number seconds)) continue;
            String field = ((Document) index.get("key")).keySet().iterator().next();
            Document over = new Document(field, new Document("$lt", Instant.now().minusSeconds(seconds.longValue())));
            Document delete = new Document("q", over).append("limit", 0);
            server.run(channel, database, "delete", new Document("delete", collection).append("deletes", new ArrayList<>(List.of(delete))));
        }
    }

    private List<Document> indexes(String database, String collection) {
        List<Document> found = new ArrayList<>();
        MongoCollection<?> all = server.resolveDatabase(database).resolveCollection("system.indexes", false);
        if (all != null) all.handleQuery(new Document("ns", database + "." + collection)).forEach(found::add);
        return found;
    }
}
