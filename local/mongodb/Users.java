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
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/** Logins by SCRAM-SHA-256 (RFC 7677), and rights by the names of mongod's own roles: root, backup, read, readWrite. */
final class Users {
    private static final int ITERATIONS = 4096;
    private static final Set<String> FREE = Set.of("hello", "ismaster", "ping", "buildinfo", "endsessions", "killcursors",
        "listdatabases", "whatsmyuri", "connectionstatus", "getparameter", "getmore");
    private static final Set<String> READS = Set.of("find", "aggregate", "count", "distinct", "listcollections",
        "listindexes", "dbstats", "collstats");

    private record User(String name, byte[] salt, byte[] salted, List<Document> roles) {}
    private record Talk(User user, String nonce, String first, String second) {}

    private final Map<String, User> users = new ConcurrentHashMap<>();
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
        return has(channel, database, Set.of("read", "readWrite")) || has(channel, "admin", Set.of("root", "backup"));
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
            default:
        }
        if (FREE.contains(lower)) return null;
        boolean root = has(channel, "admin", Set.of("root"));
        boolean may = root
            || (READS.contains(lower) && mayRead(channel, database))
            || (lower.endsWith("info") && has(channel, "admin", Set.of("backup")))
            || (lower.equals("renamecollection")
                ? has(channel, query.get(command).toString().split("\\.")[0], Set.of("readWrite"))
                : has(channel, database, Set.of("readWrite")) && !lower.endsWith("info"));
        if (!may)
            throw new MongoServerError(13, "Unauthorized", "not authorized on " + database + " to execute command { " + command + ": \"" + query.get(command) + "\" }");
        switch (lower) {
            case "createuser":
                add(query.get(command).toString(), query.get("pwd").toString(), documents(query.get("roles")));
                return Server.okay(new Document());
            case "usersinfo":
                List<Document> found = new ArrayList<>();
                for (User user : users.values())
                    found.add(new Document("_id", "admin." + user.name()).append("user", user.name()).append("db", "admin").append("roles", user.roles()));
                return Server.okay(new Document("users", found));
            case "rolesinfo":
                return Server.okay(new Document("roles", new ArrayList<>()));
            default:
                return null;
        }
    }

    @SuppressWarnings("unchecked")
    private static List<Document> documents(Object value) {
        return (List<Document>) value;
    }

    private void add(String name, String password, List<Document> roles) {
        byte[] salt = new byte[28];
        random.nextBytes(salt);
        users.put(name, new User(name, salt, salted(password, salt), roles));
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
        String second = "r=" + nonce + ",s=" + Base64.getEncoder().encodeToString(user.salt()) + ",i=" + ITERATIONS;
        talks.put(channel, new Talk(user, nonce, first, second));
        return said(second, false);
    }

    private Document proceed(Channel channel, Document query) {
        Talk talk = talks.remove(channel);
        if (talk == null) return said("", true);
        String last = text(query.get("payload"));
        String without = last.substring(0, last.lastIndexOf(",p="));
        byte[] signed = (talk.first() + "," + talk.second() + "," + without).getBytes(StandardCharsets.UTF_8);
        byte[] clientKey = hmac(talk.user().salted(), "Client Key".getBytes(StandardCharsets.UTF_8));
        byte[] signature = hmac(sha256(clientKey), signed);
        byte[] proof = new byte[clientKey.length];
        for (int at = 0; at < proof.length; at += 1) proof[at] = (byte) (clientKey[at] ^ signature[at]);
        if (!MessageDigest.isEqual(proof, Base64.getDecoder().decode(part(last, "p"))) || !talk.nonce().equals(part(last, "r"))) throw refused();
        known.put(channel, talk.user());
        byte[] serverKey = hmac(talk.user().salted(), "Server Key".getBytes(StandardCharsets.UTF_8));
        return said("v=" + Base64.getEncoder().encodeToString(hmac(serverKey, signed)), true);
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

    private static byte[] salted(String password, byte[] salt) {
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                .generateSecret(new PBEKeySpec(password.toCharArray(), salt, ITERATIONS, 256)).getEncoded();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static byte[] hmac(byte[] key, byte[] data) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(data);
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static byte[] sha256(byte[] data) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(data);
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
