import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** What applyOps does with one entry of an oplog. Source: mongo, src/mongo/db/repl/oplog.cpp, applyOperation_inlock and applyCommand_inlock. */
final class Player {
    private final Server server;

    Player(Server server) {
        this.server = server;
    }

    void apply(Channel channel, Document entry) {
        String operation = (String) entry.get("op");
        String[] place = ((String) entry.get("ns")).split("\\.", 2);
        Document told = (Document) entry.get("o");
        if (operation.equals("n")) return;
        if (entry.containsKey("ui")) throw new MongoServerError(13, "Unauthorized", "applyOps with a UUID needs useUUID and forceUUID");
        if (!server.mayWrite(channel, place[0])) throw new MongoServerError(13, "Unauthorized", "not authorized on " + place[0] + " to execute command { applyOps: 1 }");
        Document which = new Document("_id", (operation.equals("u") ? (Document) entry.get("o2") : told).get("_id"));
        switch (operation) {
            case "i":
                if (server.byId((String) entry.get("ns"), which.get("_id")) != null) put(channel, place, which, told);
                else server.run(channel, place[0], "insert", new Document("insert", place[1]).append("documents", new ArrayList<>(List.of(told))));
                return;
            case "u":
                Document change = told.clone();
                Object version = change.remove("$v");
                if (version != null && ((Number) version).intValue() != 1) throw new MongoServerError(40682, "BadValue", "of $v only 1 is known here");
                put(channel, place, which, change);
                return;
            case "d":
                Document delete = new Document("q", which).append("limit", 1);
                server.run(channel, place[0], "delete", new Document("delete", place[1]).append("deletes", new ArrayList<>(List.of(delete))));
                return;
            default:
                command(channel, place[0], told);
        }
    }

    private void put(Channel channel, String[] place, Document which, Document change) {
        Document update = new Document("q", which).append("u", change).append("upsert", true);
        Document answer = server.run(channel, place[0], "update", new Document("update", place[1]).append("updates", new ArrayList<>(List.of(update))));
        if (answer.get("writeErrors") instanceof List<?> errors && !errors.isEmpty())
            throw new MongoServerError(11000, "DuplicateKey", String.valueOf(((Document) errors.get(0)).get("errmsg")));
    }

    private void command(Channel channel, String database, Document told) {
        String command = told.keySet().iterator().next();
        if (command.equals("applyOps")) {
            for (Document one : ReplicaSet.operations(told.get(command))) apply(channel, one);
            return;
        }
        if (!Set.of("create", "drop", "dropDatabase").contains(command))
            throw new MongoServerError(115, "CommandNotSupported", "applyOps of " + command);
        try {
            server.run(channel, database, command, told);
        } catch (MongoServerError error) {
            // There already, or gone already: what it is to be.
            if (error.getCode() != 48 && error.getCode() != 26) throw error;
        }
    }
}
