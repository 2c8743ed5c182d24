import de.bwaldvogel.mongo.bson.BinData;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import io.netty.channel.Channel;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Logins by SCRAM-SHA-256 (RFC 7677), and rights by the names of mongod's own roles: root, backup, read, readWrite. */
final class Users {
    private static final Set<String> FREE = Set.of("hello", "ismaster", "ping", "buildinfo", "endsessions", "killcursors",
        "listdatabases", "whatsmyuri", "connectionstatus", "getmore");
    private static final Set<String> READS = Set.of("find", "aggregate", "count", "distinct", "listcollections",
        "listindexes", "dbstats", "collstats");

    /** `document`: as admin.system.users has it. */
    private record User(String name, Document document) {
        List<Document> roles() {
            return documents(document.get("roles"));
        }

        byte[] key(String name) {
            Document credentials = (Document) ((Document) document.get("credentials")).get("SCRAM-SHA-256");
            return Base64.getDecoder().decode((String) credentials.get(name));
        }
    }
    private record Talk(User user, String nonce, String first, String second) {}

    private final Map<String, User> users = new ConcurrentHashMap<>();
    private final Map<String, Document> roles = new ConcurrentHashMap<>();
    /** Collections of `admin` that are nobody's but mongorestore's. */
    private final Map<String, List<Document>> temporary = new ConcurrentHashMap<>();
    private final Map<Channel, Talk> talks = new ConcurrentHashMap<>();
    private final Map<Channel, User> known = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();

    Users(String name, String password) {
        add(name, password, List.of(new Document("role", "root").append("db", "admin")));
    }

    void forget(Channel channel) {
        talks.remove(channel);
        known.remove(channel);
    }

    boolean mayRead(Channel channel, String database) {
        return has(channel, database, Set.of("read", "readWrite")) || mayListAll(channel);
    }

    boolean mayListAll(Channel channel) {
        return has(channel, "admin", Set.of("root", "backup", "readAnyDatabase", "readWriteAnyDatabase"));
    }

    boolean mayWrite(Channel channel, String database) {
        return has(channel, database, Set.of("readWrite")) || has(channel, "admin", Set.of("root"))
            || (!database.equals("admin") && has(channel, "admin", Set.of("readWriteAnyDatabase")));
    }

    static boolean isReading(String command) {
        String lower = command.toLowerCase();
        return FREE.contains(lower) || READS.contains(lower);
    }

    private boolean has(Channel channel, String database, Set<String> roles) {
        User user = known.get(channel);
        return user != null && user.roles().stream().anyMatch(one -> roles.contains(one.get("role")) && database.equals(one.get("db")));
    }

    /** Undefined (null) when the command is allowed and somebody else's to answer. */
    Document answer(Channel channel, String database, String command, Document query) {
        String lower = command.toLowerCase();
        switch (lower) {
            case "saslstart":
                return start(channel, query);
            case "saslcontinue":
                return proceed(channel, query);
            case "getparameter":
                return Server.okay(new Document("authSchemaVersion", 5));
            default:
        }
        if (FREE.contains(lower)) return null;
        boolean root = has(channel, "admin", Set.of("root"));
        boolean may = root
            // Each of its operations is looked at.
            || lower.equals("applyops")
            || (READS.contains(lower) && mayRead(channel, database))
            || (lower.endsWith("info") && has(channel, "admin", Set.of("backup", "restore")))
            || (database.equals("admin") && has(channel, "admin", Set.of("restore")) && !lower.equals("createuser"))
            || (lower.equals("renamecollection")
                ? mayWrite(channel, query.get(command).toString().split("\\.")[0])
                : mayWrite(channel, database) && !lower.endsWith("info"));
        if (!may)
            throw new MongoServerError(13, "Unauthorized", "not authorized on " + database + " to execute command { " + command + ": \"" + query.get(command) + "\" }");
        switch (lower) {
            case "createuser":
                add(query.get(command).toString(), query.get("pwd").toString(), documents(query.get("roles")));
                return Server.okay(new Document());
            case "dropuser":
                users.remove(query.get(command).toString());
                return Server.okay(new Document());
            case "createrole":
                String role = query.get(command).toString();
                roles.put(database + "." + role, new Document("_id", database + "." + role).append("role", role).append("db", database)
                    .append("privileges", query.get("privileges")).append("roles", query.get("roles")));
                return Server.okay(new Document());
            case "usersinfo":
                List<Document> found = new ArrayList<>();
                for (User user : users.values()) {
                    Document shown = user.document().clone();
                    shown.remove("credentials");
                    found.add(shown);
                }
                return Server.okay(new Document("users", found));
            case "rolesinfo":
                return Server.okay(new Document("roles", new ArrayList<>(roles.values().stream().filter(one -> database.equals(one.get("db"))).toList())));
            case "_mergeauthzcollections":
                merge(query);
                return Server.okay(new Document());
            default:
                return null;
        }
    }

    List<String> collections() {
        List<String> found = new ArrayList<>(List.of("system.users", "system.version"));
        if (!roles.isEmpty()) found.add("system.roles");
        found.addAll(temporary.keySet());
        return found;
    }

    /** Of `admin`: what is in its collections, and what mongorestore puts there for a moment. */
    Document stored(String command, Document query) {
        String name = String.valueOf(query.get(command));
        switch (command.toLowerCase()) {
            case "find":
            case "aggregate":
                List<Document> all = switch (name) {
                    case "system.users" -> new ArrayList<>(users.values().stream().map(User::document).toList());
                    case "system.roles" -> new ArrayList<>(roles.values());
                    case "system.version" -> List.of(new Document("_id", "authSchema").append("currentVersion", 5));
                    default -> temporary.getOrDefault(name, List.of());
                };
                return Server.cursor("admin." + name, all);
            case "listindexes":
                return Server.cursor("admin." + name, List.of(Server.ID_INDEX.clone()));
            case "count":
                return Server.okay(new Document("n", name.equals("system.users") ? users.size() : 1));
            case "insert":
                temporary.computeIfAbsent(name, ignored -> new ArrayList<>()).addAll(documents(query.get("documents")));
                return Server.okay(new Document("n", documents(query.get("documents")).size()));
            case "drop":
                temporary.remove(name);
                return Server.okay(new Document("ns", "admin." + name));
            default:
                return null;
        }
    }

    /** Source: mongo, src/mongo/db/commands/user_management_commands.cpp: who is there stays as he is without `drop`. */
    private void merge(Document query) {
        if (Boolean.TRUE.equals(query.get("drop"))) throw new MongoServerError(115, "CommandNotSupported", "drop of users");
        String from = String.valueOf(query.get("tempUsersCollection")).replaceFirst("^admin\\.", "");
        for (Document one : temporary.getOrDefault(from, List.of()))
            users.putIfAbsent((String) one.get("user"), new User((String) one.get("user"), one));
        String other = String.valueOf(query.get("tempRolesCollection")).replaceFirst("^admin\\.", "");
        for (Document one : temporary.getOrDefault(other, List.of())) roles.putIfAbsent((String) one.get("_id"), one);
    }

    @SuppressWarnings("unchecked")
    private static List<Document> documents(Object value) {
        return (List<Document>) value;
    }

    private void add(String name, String password, List<Document> roles) {
        users.put(name, new User(name, new Document("_id", "admin." + name).append("userId", UUID.randomUUID()).append("user", name).append("db", "admin")
            .append("credentials", new Document("SCRAM-SHA-256", Scram.credentials(password))).append("roles", roles)));
    }

    private Document start(Channel channel, Document query) {
        if (!"SCRAM-SHA-256".equals(query.get("mechanism")))
            throw new MongoServerError(334, "MechanismUnavailable", "Unsupported mechanism " + query.get("mechanism"));
        String first = text(query.get("payload")).replaceFirst("^n,[^,]*,", "");
        User user = users.get(part(first, "n"));
        if (user == null) throw refused();
        byte[] more = new byte[18];
        random.nextBytes(more);
        String nonce = part(first, "r") + Base64.getEncoder().encodeToString(more);
        String second = "r=" + nonce + ",s=" + Base64.getEncoder().encodeToString(user.key("salt")) + ",i=" + Scram.ITERATIONS;
        talks.put(channel, new Talk(user, nonce, first, second));
        return said(second, false);
    }

    private Document proceed(Channel channel, Document query) {
        Talk talk = talks.remove(channel);
        if (talk == null) return said("", true);
        String last = text(query.get("payload"));
        String without = last.substring(0, last.lastIndexOf(",p="));
        byte[] signed = (talk.first() + "," + talk.second() + "," + without).getBytes(StandardCharsets.UTF_8);
        byte[] clientSignature = Scram.hmac(talk.user().key("storedKey"), signed);
        byte[] clientKey = Base64.getDecoder().decode(part(last, "p"));
        for (int at = 0; at < clientKey.length; at += 1) clientKey[at] ^= clientSignature[at % clientSignature.length];
        if (!MessageDigest.isEqual(Scram.sha256(clientKey), talk.user().key("storedKey")) || !talk.nonce().equals(part(last, "r"))) throw refused();
        known.put(channel, talk.user());
        byte[] serverKey = talk.user().key("serverKey");
        return said("v=" + Base64.getEncoder().encodeToString(Scram.hmac(serverKey, signed)), true);
    }

    private static MongoServerError refused() {
        return new MongoServerError(18, "AuthenticationFailed", "Authentication failed.");
    }

    private static Document said(String payload, boolean done) {
        return Server.okay(new Document("conversationId", 1).append("done", done)
            .append("payload", new BinData(payload.getBytes(StandardCharsets.UTF_8))));
    }

    private static String text(Object payload) {
        byte[] bytes = payload instanceof BinData data ? data.getData() : (byte[]) payload;
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String part(String message, String name) {
        for (String one : message.split(",")) if (one.startsWith(name + "=")) return one.substring(2);
        return "";
    }
}
