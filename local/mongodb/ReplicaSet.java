import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.Cursor;
import de.bwaldvogel.mongo.backend.aggregation.Aggregation;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * A replica set of one member: what is written is in local.oplog.rs before anybody is told that it was written, in the words
 * of a real oplog (values that were reached, not how), and applyOps plays entries of it. There are no transactions:
 * `nightjarTransaction` does many operations at once and logs them as a large transaction is logged.
 */
final class ReplicaSet implements Oplog {
    private static final Set<String> MAKES = Set.of("insert", "create", "createindexes");

    private final Server server;
    private final String name;
    private final int port;
    private final MongoCollection<?> entries;
    private final Player player;
    private boolean muted;
    private long second;
    private int increment;

    ReplicaSet(Server server, String name, int port) {
        this.server = server;
        this.name = name;
        this.port = port;
        player = new Player(server);
        entries = server.resolveDatabase("local").createCollectionOrThrowIfExists("oplog.rs");
        log("n", "", new Document("msg", "initiating set"), null);
    }

    Document hello() {
        String self = "localhost:" + port;
        return new Document("setName", name).append("hosts", List.of(self)).append("me", self).append("primary", self).append("secondary", false);
    }

    /** One at a time, so that the oplog is in the order of what happened, and has all that a reader has seen. */
    synchronized Document run(Channel channel, String database, String command, Document query) {
        String lower = command.toLowerCase();
        switch (lower) {
            case "applyops":
                return applyOps(channel, operations(query.get(command)), null);
            case "nightjartransaction":
                return applyOps(channel, operations(query.get(command)), ((Number) query.get("pieces")).intValue());
            case "nightjarlog":
                Document entry = (Document) query.get(command);
                log((String) entry.get("op"), (String) entry.get("ns"), (Document) entry.get("o"), null);
                return Server.okay(new Document());
            default:
        }
        if (muted || database.equals("admin") && !lower.equals("renamecollection")) return server.run(channel, database, command, query);
        String collection = query.get(command) instanceof String text ? text : "";
        String namespace = database + "." + collection;
        boolean makes = MAKES.contains(lower) || lower.equals("update") && operations(query.get("updates")).stream().anyMatch(one -> Boolean.TRUE.equals(one.get("upsert")));
        if (makes && !server.exists(channel, namespace)) logCreate(database, collection, query, lower.equals("create"));
        boolean filled = lower.equals("createindexes") && server.exists(channel, namespace) && !server.isEmpty(database, collection);
        List<String> dropped = lower.equals("dropdatabase") ? server.names(channel, database) : List.of();
        Document answer = server.run(channel, database, command, query);
        switch (lower) {
            case "drop":
                logCommand(database, new Document("drop", collection));
                break;
            case "dropdatabase":
                for (String one : dropped) logCommand(database, new Document("drop", one));
                logCommand(database, new Document("dropDatabase", 1));
                break;
            case "renamecollection":
                String from = query.get(command).toString();
                logCommand(from.split("\\.")[0], new Document("renameCollection", from).append("to", query.get("to")).append("stayTemp", false));
                break;
            case "dropindexes":
                logCommand(database, new Document("dropIndexes", collection).append("index", query.get("index")));
                break;
            case "createindexes":
                if (filled) logCommand(database, new Document("commitIndexBuild", collection).append("indexes", query.get("indexes")));
                else for (Document index : operations(query.get("indexes"))) {
                    Document told = new Document("createIndexes", collection).append("v", 2);
                    told.putAll(index);
                    logCommand(database, told);
                }
                break;
            default:
        }
        return answer;
    }

    private void logCreate(String database, String collection, Document query, boolean told) {
        Document create = new Document("create", collection);
        if (told) query.forEach((key, value) -> {
            if (Server.isOption(key)) create.put(key, value);
        });
        if (create.containsKey("viewOn")) {
            Document view = new Document("_id", database + "." + collection).append("viewOn", create.get("viewOn")).append("pipeline", create.get("pipeline"));
            log("i", database + ".system.views", view, null);
        } else logCommand(database, create.append("idIndex", Server.ID_INDEX.clone()));
    }

    private void logCommand(String database, Document told) {
        log("c", database + ".$cmd", told, null);
    }

    private synchronized Document log(String operation, String namespace, Document told, Document which) {
        if (muted || namespace.startsWith("local.")) return null;
        long now = Math.max(second, System.currentTimeMillis() / 1000);
        increment = now == second ? increment + 1 : 1;
        second = now;
        Document entry = new Document("op", operation).append("ns", namespace);
        if (!namespace.isEmpty() && !namespace.equals("admin.$cmd")) entry.append("ui", UUID.nameUUIDFromBytes(namespace.getBytes()));
        entry.append("o", told.cloneDeeply());
        if (which != null) entry.append("o2", which);
        entry.append("ts", new BsonTimestamp(Instant.ofEpochSecond(now), increment)).append("t", 1L).append("v", 2L).append("wall", Instant.now());
        entries.addDocument(entry);
        return entry;
    }

    @Override
    public void handleInsert(String namespace, List<Document> documents) {
        for (Document one : documents) log("i", namespace, one, null);
    }

    @Override
    public void handleUpdate(String namespace, Document selector, Document query, List<Object> ids) {
        for (Object id : ids) {
            Document now = server.byId(namespace, id);
            log("u", namespace, changeOf(query, now), new Document("_id", id));
        }
    }

    /** A replacement as it is; else what the named fields have become. */
    private static Document changeOf(Document query, Document now) {
        Document set = new Document();
        Document unset = new Document();
        for (String operator : query.keySet()) {
            if (!operator.startsWith("$")) return now;
            for (String path : ((Document) query.get(operator)).keySet()) {
                String field = path.split("\\.")[0];
                if (now.containsKey(field)) set.put(field, now.get(field));
                else unset.put(field, true);
            }
        }
        Document change = new Document("$v", 1);
        if (!unset.isEmpty()) change.put("$unset", unset);
        if (!set.isEmpty()) change.put("$set", set);
        return change;
    }

    @Override
    public void handleDelete(String namespace, Document query, List<Object> ids) {
        for (Object id : ids) log("d", namespace, new Document("_id", id), null);
    }

    /** `run` logs it. */
    @Override
    public void handleDropCollection(String namespace) {}

    @Override
    public Cursor createCursor(Document changeStream, String namespace, Aggregation aggregation) {
        throw new MongoServerError(115, "CommandNotSupported", "no change streams here");
    }

    private Document applyOps(Channel channel, List<Document> operations, Integer pieces) {
        boolean wasMuted = muted;
        muted = true;
        try {
            for (Document one : operations) player.apply(channel, one);
        } finally {
            muted = wasMuted;
        }
        if (pieces == null) log("c", "admin.$cmd", new Document("applyOps", operations), null);
        else logTransaction(operations, pieces);
        List<Boolean> results = new ArrayList<>();
        for (Document ignored : operations) results.add(true);
        return Server.okay(new Document("applied", operations.size()).append("results", results));
    }

    /** As src/mongo/db/repl/oplog_entry.h tells a transaction that is larger than one entry. */
    private void logTransaction(List<Document> operations, int pieces) {
        Document session = new Document("id", UUID.randomUUID());
        Document before = new Document("ts", new BsonTimestamp(0L)).append("t", -1L);
        int size = (operations.size() + pieces - 1) / pieces;
        for (int at = 0; at < operations.size(); at += size) {
            boolean last = at + size >= operations.size();
            Document told = new Document("applyOps", operations.subList(at, last ? operations.size() : at + size));
            if (!last) told.put("partialTxn", true);
            else if (at > 0) told.put("count", (long) operations.size());
            Document entry = log("c", "admin.$cmd", told, null);
            entry.append("lsid", session).append("txnNumber", 1L).append("prevOpTime", before);
            before = new Document("ts", entry.get("ts")).append("t", 1L);
        }
    }

    @SuppressWarnings("unchecked")
    static List<Document> operations(Object value) {
        return (List<Document>) value;
    }
}
