import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.DefaultQueryMatcher;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;
import java.io.ByteArrayInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * mongo-java-server, and what it lacks of a mongod that backups meet: logins and rights (see Users), the options of
 * collections, views, and collections that move to another database. Nothing is kept on disk.
 *
 *   java -cp … Server PORT USER [CERTIFICATE KEY]      password in NIGHTJAR_MONGO_PASSWORD; says "ready" when it listens
 */
public final class Server extends MemoryBackend {
    private static final int BATCH = 500;

    private final Users users;
    /** By namespace: what `create` was told besides the name. */
    private final Map<String, Document> options = new ConcurrentHashMap<>();
    private final Map<String, Document> views = new ConcurrentHashMap<>();
    /** What a test wants `hello` to say besides. */
    private volatile Document besides = new Document();

    /** What a test wants to go wrong: a command, after so many of its kind. */
    private volatile Document failing;

    Server(Users users) {
        this.users = users;
    }

    public static void main(String[] args) throws Exception {
        Server backend = new Server(new Users(args[1], System.getenv("NIGHTJAR_MONGO_PASSWORD")));
        MongoServer server = new MongoServer(backend);
        if (args.length > 2) server.enableSsl(key(Path.of(args[3])), null, certificates(Path.of(args[2])));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        System.out.println("ready");
    }

    private static X509Certificate[] certificates(Path file) throws Exception {
        return CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))
            .toArray(new X509Certificate[0]);
    }

    private static PrivateKey key(Path file) throws Exception {
        String text = Files.readString(file).replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
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
        fail(command);
        String name = query.get(command) instanceof String text ? database + "." + text : "";
        switch (command.toLowerCase()) {
            case "hello":
            case "ismaster":
                return hello(channel, database, query);
            case "buildinfo":
                // Nothing of what is newer than 3.6 is used by the tools or by us without asking; drivers take no older server.
                return okay(super.handleCommand(channel, database, command, query).append("version", "4.4.0").append("versionArray", List.of(4, 4, 0, 0)));
            case "nightjarhello":
                besides = (Document) query.get(command);
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
                return rename(channel, query.get(command).toString(), query.get("to").toString(),
                    Boolean.TRUE.equals(query.get("dropTarget")));
            case "listindexes":
                if (views.containsKey(name)) throw new MongoServerError(166, "CommandNotSupportedOnView", "a view");
                if (!exists(channel, name)) throw new MongoServerError(26, "NamespaceNotFound", "ns does not exist: " + name);
                break;
            case "getmore":
            case "find":
            case "aggregate":
                // Without being told so it would answer all of a collection in one message, however large.
                if (!query.containsKey("batchSize") && !command.equals("aggregate")) query.put("batchSize", BATCH);
                if (views.containsKey(name)) return readView(channel, name, command, query);
                break;
            default:
        }
        return super.handleCommand(channel, database, command, query);
    }

    private synchronized void fail(String command) {
        if (failing == null || !command.equalsIgnoreCase(String.valueOf(failing.get("command")))) return;
        int left = ((Number) failing.getOrDefault("after", 0)).intValue();
        failing.put("after", left - 1);
        if (left <= 0) throw new MongoServerError(((Number) failing.get("code")).intValue(), (String) failing.get("name"), "told to fail: " + command);
    }

    private Document hello(Channel channel, String database, Document query) {
        Document answer = super.handleCommand(channel, database, "ismaster", query);
        answer.put("isWritablePrimary", true);
        answer.put("maxWireVersion", 9);
        answer.put("helloOk", true);
        if (query.containsKey("saslSupportedMechs")) answer.put("saslSupportedMechs", List.of("SCRAM-SHA-256"));
        answer.putAll(besides);
        return answer;
    }

    private Document listDatabases(Channel channel, Document query) {
        List<Document> found = new ArrayList<>();
        for (String name : new java.util.TreeSet<>(listDatabaseNames())) {
            if (name.equals("admin") || collections(channel, name).isEmpty() || !users.mayRead(channel, name)) continue;
            Document stats = super.handleCommand(channel, name, "dbstats", new Document("dbstats", 1));
            Document one = new Document("name", name).append("sizeOnDisk", ((Number) stats.get("dataSize")).longValue()).append("empty", false);
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
        if (!listDatabaseNames().contains(database)) return found;
        if (!database.equals("admin"))
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

    private boolean exists(Channel channel, String name) {
        String database = name.substring(0, name.indexOf('.'));
        String collection = name.substring(database.length() + 1);
        return listDatabaseNames().contains(database) && resolveDatabase(database).resolveCollection(collection, false) != null;
    }

    private Document create(Channel channel, String database, String name, Document query) {
        if (views.containsKey(name) || exists(channel, name))
            throw new MongoServerError(48, "NamespaceExists", "Collection already exists. NS: " + name);
        Document told = new Document();
        query.forEach((key, value) -> {
            if (!key.startsWith("$") && !List.of("create", "lsid", "idIndex", "writeConcern", "comment").contains(key)) told.put(key, value);
        });
        if (told.containsKey("viewOn")) {
            resolveDatabase(database);
            views.put(name, told);
            return okay(new Document());
        }
        if (!told.isEmpty()) options.put(name, told);
        return super.handleCommand(channel, database, "create", new Document("create", query.get("create")));
    }

    /** Between databases a server copies and drops. */
    private Document rename(Channel channel, String from, String to, boolean dropTarget) {
        if (views.containsKey(from)) throw new MongoServerError(166, "CommandNotSupportedOnView", "a view can not be renamed");
        if (!exists(channel, from)) throw new MongoServerError(26, "NamespaceNotFound", "Source collection " + from + " does not exist");
        String[] old = from.split("\\.", 2);
        String[] place = to.split("\\.", 2);
        if (exists(channel, to)) {
            if (!dropTarget) throw new MongoServerError(48, "NamespaceExists", "target namespace exists");
            handleCommand(channel, place[0], "drop", new Document("drop", place[1]));
        }
        Document kept = options.remove(from);
        if (kept != null) options.put(to, kept);
        if (old[0].equals(place[0]))
            return super.handleCommand(channel, "admin", "renameCollection", new Document("renameCollection", from).append("to", to));
        super.handleCommand(channel, place[0], "create", new Document("create", place[1]));
        List<Document> indexes = batch(super.handleCommand(channel, old[0], "listIndexes", new Document("listIndexes", old[1])));
        indexes.removeIf(one -> "_id_".equals(one.get("name")));
        if (!indexes.isEmpty())
            super.handleCommand(channel, place[0], "createIndexes", new Document("createIndexes", place[1]).append("indexes", indexes));
        List<Document> documents = batch(super.handleCommand(channel, old[0], "aggregate",
            new Document("aggregate", old[1]).append("pipeline", new ArrayList<>()).append("cursor", new Document())));
        super.handleCommand(channel, place[0], "insert", new Document("insert", place[1]).append("documents", documents).append("ordered", true));
        return super.handleCommand(channel, old[0], "drop", new Document("drop", old[1]));
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
    private static List<Document> batch(Document answer) {
        List<Document> found = new ArrayList<>();
        ((Iterable<Document>) ((Document) answer.get("cursor")).get("firstBatch")).forEach(found::add);
        return found;
    }

    private static Document cursor(String ns, List<Document> batch) {
        return okay(new Document("cursor", new Document("id", 0L).append("ns", ns).append("firstBatch", batch)));
    }

    static Document okay(Document answer) {
        answer.put("ok", 1.0);
        return answer;
    }
}
