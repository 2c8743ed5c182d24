import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.DefaultQueryMatcher;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * mongo-java-server, and what it lacks of a mongod that backups meet: logins and rights (see Users), the options of
 * collections, views, and collections that move to another database. Nothing is kept on disk.
 *
 *   java -cp … Server PORT USER [CERTIFICATE KEY]      password in NIGHTJAR_MONGO_PASSWORD; says "ready" when it listens
 */
public final class Server extends MemoryBackend {
    private static final int BATCH = 500;
    static final Document ID_INDEX = new Document("v", 2).append("key", new Document("_id", 1)).append("name", "_id_");

    private final Users users;
    private final Expiry expiry = new Expiry(this);
    /** Null of a standalone server. */
    private ReplicaSet set;
    /** By namespace: what `create` was told besides the name. */
    private final Map<String, Document> options = new ConcurrentHashMap<>();
    /** Namespaces with an index besides that of _id. */
    private final Set<String> indexed = ConcurrentHashMap.newKeySet();
    private final Map<String, Document> views = new ConcurrentHashMap<>();
    /** What a test wants to go wrong: a command, after so many of its kind. */
    private volatile Document failing;

    Server(Users users) {
        this.users = users;
    }

    public static void main(String[] args) throws Exception {
        Server backend = new Server(new Users(args[1], System.getenv("NIGHTJAR_MONGO_PASSWORD")));
        String name = System.getenv("NIGHTJAR_MONGO_SET");
        if (name != null) backend.beReplicaSet(name, Integer.parseInt(args[0]));
        MongoServer server = new MongoServer(backend);
        if (args.length > 2) server.enableSsl(Tls.key(Path.of(args[3])), null, Tls.certificates(Path.of(args[2])));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println("ready");
    }

    private void beReplicaSet(String name, int port) {
        set = new ReplicaSet(this, name, port);
        oplog = set;
    }

    @Override
    public Document handleMessage(MongoMessage message) {
        Document query = message.getDocument();
        String command = query.keySet().iterator().next();
        return handleCommand(message.getChannel(), message.getDatabaseName(), command, query);
    }

    @Override
    public void handleClose(Channel channel) {
        users.forget(channel);
        super.handleClose(channel);
    }

    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
        Document answer = users.answer(channel, database, command, query);
        if (answer != null) return answer;
        if (swallows(command)) return okay(new Document());
        boolean logged = !Users.isReading(command) || database.equals("local");
        return set != null && logged ? set.run(channel, database, command, query) : run(channel, database, command, query);
    }

    /** What is allowed, and to be done. */
    Document run(Channel channel, String database, String command, Document query) {
        String name = query.get(command) instanceof String text ? database + "." + text : "";
        if (database.equals("admin")) {
            Document own = users.stored(command, query);
            if (own != null) return own;
        }
        switch (command.toLowerCase()) {
            case "hello":
            case "ismaster":
                return hello(channel, database, query);
            case "buildinfo":
                // Nothing of what is newer than 3.6 is used by the tools or by us without asking; drivers take no older server.
                return okay(super.handleCommand(channel, database, command, query).append("version", "4.4.0").append("versionArray", List.of(4, 4, 0, 0)));
            case "collmod":
                return expiry.change(database, query.get(command).toString(), query);
            case "nightjarexpire":
                expiry.setEager(Boolean.TRUE.equals(query.get(command)));
                return okay(new Document());
            case "nightjarfail":
                failing = (Document) query.get(command);
                return okay(new Document());
            case "listdatabases":
                return listDatabases(channel, query);
            case "listcollections":
                return listCollections(channel, database, query);
            case "create":
                return create(channel, database, name, query);
            case "drop":
                options.remove(name);
                if (views.remove(name) != null) return okay(new Document("ns", name));
                if (!exists(channel, name)) throw new MongoServerError(26, "NamespaceNotFound", "ns not found");
                break;
            case "dropdatabase":
                options.keySet().removeIf(ns -> ns.startsWith(database + "."));
                views.keySet().removeIf(ns -> ns.startsWith(database + "."));
                break;
            case "renamecollection":
                return new Rename(this, channel).run(query.get(command).toString(), query.get("to").toString(), Boolean.TRUE.equals(query.get("dropTarget")));
            case "listindexes":
                if (views.containsKey(name)) throw new MongoServerError(166, "CommandNotSupportedOnView", "a view");
                if (!exists(channel, name)) throw new MongoServerError(26, "NamespaceNotFound", "ns does not exist: " + name);
                // It looks through the indexes of all collections, which takes 10,000 of them minutes.
                if (!indexed.contains(name)) return cursor(name, List.of(ID_INDEX.clone()));
                break;
            case "createindexes":
                indexed.add(name);
                break;
            case "find":
            case "aggregate":
                expiry.look(channel, database, query.get(command).toString());
            case "getmore":
                // Without being told so it would answer all of a collection in one message, however large.
                if (!query.containsKey("batchSize") && !command.equals("aggregate")) query.put("batchSize", BATCH);
                if (views.containsKey(name)) return readView(channel, name, command, query);
                break;
            default:
        }
        return super.handleCommand(channel, database, command, query);
    }

    /** Whether it is to be called done, once, and left undone. Else it throws what is to go wrong. */
    private synchronized boolean swallows(String command) {
        if (failing == null || !command.equalsIgnoreCase(String.valueOf(failing.get("command")))) return false;
        int left = ((Number) failing.getOrDefault("after", 0)).intValue();
        failing.put("after", left - 1);
        if (left > 0) return false;
        if (Boolean.TRUE.equals(failing.get("swallowed"))) {
            failing = null;
            return true;
        }
        throw new MongoServerError(((Number) failing.get("code")).intValue(), (String) failing.get("name"), "told to fail: " + command);
    }

    private Document hello(Channel channel, String database, Document query) {
        Document answer = super.handleCommand(channel, database, "ismaster", query);
        answer.put("isWritablePrimary", true);
        answer.put("maxWireVersion", 9);
        answer.put("helloOk", true);
        if (query.containsKey("saslSupportedMechs")) answer.put("saslSupportedMechs", List.of("SCRAM-SHA-256"));
        if (set != null) answer.putAll(set.hello());
        return answer;
    }

    private Document listDatabases(Channel channel, Document query) {
        if (Boolean.FALSE.equals(query.get("authorizedDatabases")) && !users.mayListAll(channel))
            throw new MongoServerError(13, "Unauthorized", "Insufficient permissions to list all databases");
        List<Document> found = new ArrayList<>();
        java.util.TreeSet<String> names = new java.util.TreeSet<>(listDatabaseNames());
        names.add("admin");
        for (String name : names) {
            if (collections(channel, name).isEmpty() || !users.mayRead(channel, name)) continue;
            long size = name.equals("admin") ? 1L : ((Number) super.handleCommand(channel, name, "dbstats", new Document("dbstats", 1)).get("dataSize")).longValue();
            Document one = new Document("name", name).append("sizeOnDisk", size).append("empty", false);
            if (matches(one, query)) found.add(one);
        }
        return okay(new Document("databases", found).append("totalSize", 0L));
    }

    private Document listCollections(Channel channel, String database, Document query) {
        List<Document> found = new ArrayList<>();
        for (Document one : collections(channel, database)) if (matches(one, query)) found.add(one);
        return cursor(database + ".$cmd.listCollections", found);
    }

    private static boolean matches(Document one, Document query) {
        return !(query.get("filter") instanceof Document filter) || new DefaultQueryMatcher().matches(one, filter);
    }

    private List<Document> collections(Channel channel, String database) {
        List<Document> found = new ArrayList<>();
        if (!database.equals("admin") && !listDatabaseNames().contains(database)) return found;
        if (database.equals("admin"))
            for (String name : users.collections())
                found.add(new Document("name", name).append("type", "collection").append("options", new Document()).append("info", new Document("readOnly", false)));
        else
            for (Document one : batch(super.handleCommand(channel, database, "listCollections", new Document("listCollections", 1)))) {
                one.put("options", options.getOrDefault(database + "." + one.get("name"), new Document()));
                found.add(one);
            }
        views.forEach((ns, view) -> {
            if (ns.startsWith(database + "."))
                found.add(new Document("name", ns.substring(database.length() + 1)).append("type", "view")
                    .append("options", view).append("info", new Document("readOnly", true)));
        });
        return found;
    }

    /** As mongo-java-server does it. */
    Document plain(Channel channel, String database, String command, Document query) {
        return super.handleCommand(channel, database, command, query);
    }

    boolean isView(String name) {
        return views.containsKey(name);
    }

    /** What is known of a collection goes with its name. */
    void move(String from, String to) {
        if (indexed.remove(from)) indexed.add(to);
        Document kept = options.remove(from);
        if (kept != null) options.put(to, kept);
    }

    /** Collections, without views. */
    List<String> names(Channel channel, String database) {
        return collections(channel, database).stream().filter(one -> !"view".equals(one.get("type"))).map(one -> (String) one.get("name")).toList();
    }

    boolean isEmpty(String database, String collection) {
        return resolveDatabase(database).resolveCollection(collection, true).isEmpty();
    }

    /** Null when there is none. */
    Document byId(String namespace, Object id) {
        String[] place = namespace.split("\\.", 2);
        MongoCollection<?> collection = resolveDatabase(place[0]).resolveCollection(place[1], false);
        if (collection == null) return null;
        java.util.Iterator<Document> found = collection.handleQuery(new Document("_id", id), 0, 1).iterator();
        return found.hasNext() ? found.next() : null;
    }

    boolean mayWrite(Channel channel, String database) {
        return users.mayWrite(channel, database);
    }

    boolean exists(Channel channel, String name) {
        String database = name.substring(0, name.indexOf('.'));
        String collection = name.substring(database.length() + 1);
        return listDatabaseNames().contains(database) && resolveDatabase(database).resolveCollection(collection, false) != null;
    }

    private Document create(Channel channel, String database, String name, Document query) {
        if (views.containsKey(name) || exists(channel, name))
            throw new MongoServerError(48, "NamespaceExists", "Collection already exists. NS: " + name);
        Document told = new Document();
        query.forEach((key, value) -> {
            if (isOption(key)) told.put(key, value);
        });
        if (told.containsKey("viewOn")) {
            resolveDatabase(database);
            views.put(name, told);
            return okay(new Document());
        }
        if (!told.isEmpty()) options.put(name, told);
        return super.handleCommand(channel, database, "create", new Document("create", query.get("create")));
    }

    static boolean isOption(String key) {
        return !key.startsWith("$") && !List.of("create", "lsid", "txnNumber", "idIndex", "writeConcern", "comment").contains(key);
    }

    private Document readView(Channel channel, String name, String command, Document query) {
        String database = name.substring(0, name.indexOf('.'));
        Document view = views.get(name);
        List<Object> pipeline = new ArrayList<>((List<?>) view.get("pipeline"));
        if (command.equals("aggregate")) pipeline.addAll((List<?>) query.get("pipeline"));
        else if (query.get("filter") instanceof Document filter && !filter.isEmpty()) pipeline.add(new Document("$match", filter));
        Document inner = new Document("aggregate", view.get("viewOn")).append("pipeline", pipeline).append("cursor", new Document());
        return handleCommand(channel, database, "aggregate", inner);
    }

    @SuppressWarnings("unchecked")
    static List<Document> batch(Document answer) {
        List<Document> found = new ArrayList<>();
        ((Iterable<Document>) ((Document) answer.get("cursor")).get("firstBatch")).forEach(found::add);
        return found;
    }

    static Document cursor(String ns, List<Document> batch) {
        return okay(new Document("cursor", new Document("id", 0L).append("ns", ns).append("firstBatch", batch)));
    }

    static Document okay(Document answer) {
        answer.put("ok", 1.0);
        return answer;
    }
}
