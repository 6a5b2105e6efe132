import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** A TLS client and a TLS server of JSSE: "Stack client key=value ..." and "Stack server key=value ...". */
public class Stack {
    static final Map<String, String> given = new HashMap<>();

    static Certificate[] certificates(String path) throws Exception {
        try (InputStream file = Files.newInputStream(Path.of(path))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file).toArray(new Certificate[0]);
        }
    }

    static KeyManagerFactory keys() throws Exception {
        if (given.get("cert") == null) {
            return null;
        }
        Certificate[] chain = certificates(given.get("cert"));
        String pem = Files.readString(Path.of(given.get("key"))).replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
        PrivateKey key = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm())
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("own", key, "secret".toCharArray(), chain);
        KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
        factory.init(store, "secret".toCharArray());
        return factory;
    }

    static TrustManager[] trust() throws Exception {
        if ("yes".equals(given.get("insecure"))) {
            return new TrustManager[] {new X509TrustManager() {
                public void checkClientTrusted(java.security.cert.X509Certificate[] chain, String kind) {}
                public void checkServerTrusted(java.security.cert.X509Certificate[] chain, String kind) {}
                public java.security.cert.X509Certificate[] getAcceptedIssuers() {
                    return new java.security.cert.X509Certificate[0];
                }
            }};
        }
        if (given.get("ca") == null) {
            return null;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (Certificate one : certificates(given.get("ca"))) {
            store.setCertificateEntry("trusted-" + store.size(), one);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(store);
        return factory.getTrustManagers();
    }

    static void choose(SSLParameters parameters) {
        if (given.get("versions") != null) {
            parameters.setProtocols(given.get("versions").split(","));
        }
        if (given.get("suite") != null) {
            parameters.setCipherSuites(given.get("suite").split(","));
        }
        if (given.get("alpn") != null) {
            parameters.setApplicationProtocols(given.get("alpn").split(","));
        }
    }

    static void client(SSLContext context) throws Exception {
        String name = given.getOrDefault("name", "");
        Socket plain = new Socket();
        if (given.get("source") != null) {
            plain.bind(new java.net.InetSocketAddress(InetAddress.getByName(given.get("source")), 0));
        }
        plain.connect(new java.net.InetSocketAddress(InetAddress.getByName(given.get("host")), Integer.parseInt(given.get("port"))), 10000);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, name.isEmpty() ? given.get("host") : name, plain.getPort(), true);
        SSLParameters parameters = socket.getSSLParameters();
        choose(parameters);
        if (!"yes".equals(given.get("insecure"))) {
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
        }
        parameters.setServerNames(name.isEmpty() ? List.of() : List.of(new SNIHostName(name)));
        socket.setSSLParameters(parameters);
        socket.setSoTimeout(10000);
        socket.startHandshake();
        socket.getOutputStream().write(("GET / HTTP/1.0\r\nHost: " + name + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        socket.getInputStream().transferTo(System.out);
        socket.close();
    }

    static void server(SSLContext context) throws Exception {
        SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(Integer.parseInt(given.get("port")));
        SSLParameters parameters = listener.getSSLParameters();
        choose(parameters);
        parameters.setNeedClientAuth(given.get("ca") != null);
        listener.setSSLParameters(parameters);
        while (true) {
            Socket peer = listener.accept();
            new Thread(() -> {
                try (peer) {
                    peer.setSoTimeout(10000);
                    byte[] request = new byte[65536];
                    if (peer.getInputStream().read(request) > 0) {
                        OutputStream out = peer.getOutputStream();
                        out.write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n".getBytes(StandardCharsets.US_ASCII));
                        out.flush();
                    }
                } catch (Exception error) {
                    System.err.println(error);
                }
            }).start();
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (int at = 1; at < arguments.length; at++) {
            String[] pair = arguments[at].split("=", 2);
            given.put(pair[0], pair[1]);
        }
        KeyManagerFactory keys = keys();
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys == null ? null : keys.getKeyManagers(), trust(), null);
        if (arguments[0].equals("server")) {
            server(context);
        } else {
            client(context);
        }
    }
}
