import de.bwaldvogel.mongo.bson.Document;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/** The arithmetic of SCRAM-SHA-256 (RFC 5802, 7677). */
final class Scram {
    static final int ITERATIONS = 4096;

    private Scram() {}

    /** As admin.system.users keeps them. */
    static Document credentials(String password) {
        byte[] salt = new byte[28];
        new SecureRandom().nextBytes(salt);
        byte[] salted = salted(password, salt);
        Base64.Encoder text = Base64.getEncoder();
        return new Document("iterationCount", ITERATIONS)
            .append("salt", text.encodeToString(salt))
            .append("storedKey", text.encodeToString(sha256(hmac(salted, bytes("Client Key")))))
            .append("serverKey", text.encodeToString(hmac(salted, bytes("Server Key"))));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] salted(String password, byte[] salt) {
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                .generateSecret(new PBEKeySpec(password.toCharArray(), salt, ITERATIONS, 256)).getEncoded();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static byte[] hmac(byte[] key, byte[] data) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(data);
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static byte[] sha256(byte[] data) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(data);
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
