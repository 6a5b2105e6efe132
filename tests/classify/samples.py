"""First bytes of protocols: what the tests, the properties and the fuzz target start from.

Written by hand after the specification named in the signature's row; no capture is needed to check one by eye.
"""

from __future__ import annotations

import struct

RANDOM = bytes(range(32))


def client_hello(extra: bytes = b"") -> bytes:
    """A small TLS 1.2 ClientHello in one record."""
    body = b"\x03\x03" + RANDOM + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + extra
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def server_hello() -> bytes:
    """A small TLS 1.2 ServerHello in one record."""
    body = b"\x03\x03" + RANDOM + b"\x00" + b"\x13\x01" + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message


def tpkt(kind: int, variable: bytes) -> bytes:
    """TPKT and X.224 connection request (0xE0) or confirm (0xD0)."""
    body = bytes((6 + len(variable), kind)) + b"\0\0\0\0\0" + variable
    return b"\x03\x00" + (4 + len(body)).to_bytes(2, "big") + body


def tds(kind: int, payload: bytes, status: int = 1) -> bytes:
    return bytes((kind, status)) + (8 + len(payload)).to_bytes(2, "big") + b"\0\0\1\0" + payload


def prelogin(encryption: int) -> bytes:
    """[MS-TDS] 2.2.6.5: VERSION and ENCRYPTION, then the terminator."""
    return struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 255) + b"\x10\0\0\0\0\0" + bytes((encryption,))


def ldap(ident: int, operation: bytes) -> bytes:
    body = b"\x02\x01" + bytes((ident,)) + operation
    return b"\x30" + bytes((len(body),)) + body


START_TLS = ldap(1, b"\x77\x18\x80\x16" + b"1.3.6.1.4.1.1466.20037")


def mysql_greeting(flags: int = 0xFFFF) -> bytes:
    body = b"\x0a8.0.36\0" + b"\x0c\0\0\0" + b"12345678\0" + flags.to_bytes(2, "little") + b"\xff\2\0" + bytes(29)
    return len(body).to_bytes(3, "little") + b"\0" + body


MYSQL_SSL_REQUEST = b"\x20\0\0\1" + b"\x85\xae\xff\x19" + b"\0\0\0\1" + b"\xff" + bytes(23)
PG_SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
PG_GSS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x30"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes((192, 0, 2, 1, 192, 0, 2, 2)) + b"\x9c\x40\x01\xbb"

SAMPLES: tuple[tuple[str, str, bytes], ...] = (
    ("client-hello", "tls", client_hello()),
    ("server-hello", "tls", server_hello()),
    ("alert-before-any-version", "tls", bytes.fromhex("15 0000 0002 0100")),
    ("hello-in-old-record", "tls", b"\x16\x03\x00\x00\x2f\x01\x00\x00\x2b\x03\x01"),
    ("hello-split-over-records", "tls", b"\x16\x03\x01\x00\x01\x01\x16\x03\x01"),
    ("empty-record-first", "tls", b"\x16\x03\x01\x00\x00\x16\x03\x01\x00\xcd"),
    ("encrypted-finished", "tls", b"\x16\x03\x03\x00\x28\xde\xad\xbe\xef\xde\xad\xbe\xef"),
    ("alert", "tls", b"\x15\x03\x03\x00\x02\x02\x28"),
    ("alert-in-two-records", "tls", b"\x15\x03\x01\x00\x01\x02\x15\x03\x01\x00\x01\x28"),
    ("encrypted-alert", "tls", b"\x15\x03\x03\x00\x1a\x99\x98\x97"),
    ("change-cipher-spec", "tls", b"\x14\x03\x03\x00\x01\x01"),
    ("application-data", "tls", b"\x17\x03\x03\x40\x11\xab\xcd"),
    ("tlcp", "tlcp", b"\x16\x01\x01\x00\x6f\x01\x00\x00\x6b"),
    ("sslv2-hello", "sslv2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37)),
    ("sslv2-format-of-tls", "sslv2", b"\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10" + bytes(19)),
    ("sslv2-server-hello", "sslv2", b"\x80\x1e\x04\x00\x01\x00\x02\x00\x00\x00\x03\x00\x10" + bytes(19)),
    ("sslv2-error", "sslv2", b"\x80\x03\x00\x00\x01"),
    ("http-get", "http", b"GET /index.html HTTP/1.1\r\n"),
    ("http-post", "http", b"POST /x HTTP/1.1\r\n"),
    ("http-connect", "http", b"CONNECT example.com:443 HTTP/1.1\r\n"),
    ("http-connect-v6", "http", b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"),
    ("http-absolute", "http", b"GET http://example.com/ HTTP/1.1\r\n"),
    ("http-options", "http", b"OPTIONS * HTTP/1.1\r\n"),
    ("http-webdav", "http", b"PROPFIND /dav HTTP/1.1\r\n"),
    ("http-unknown-method", "http", b"FROBNICATE /x HTTP/1.1\r\n"),
    ("http-behind-empty-line", "http", b"\r\nGET / HTTP/1.1\r\n"),
    ("http-notify", "http", b"NOTIFY /event HTTP/1.1\r\n"),
    ("http-response", "http-response", b"HTTP/1.1 400 Bad Request\r\n"),
    ("html-without-status", "http-response", b"<!DOCTYPE HTML PUBLIC"),
    ("html-tag", "http-response", b"<HTML><head>"),
    ("http2-preface", "http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("http2-settings", "http2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"),
    ("http2-empty-settings", "http2", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
    ("proxy-v1", "proxy-v1", b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n"),
    ("proxy-v1-tcp6", "proxy-v1", b"PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n"),
    ("proxy-v1-unknown", "proxy-v1", b"PROXY UNKNOWN\r\n"),
    ("proxy-v2", "proxy-v2", PROXY_V2),
    ("proxy-v2-local", "proxy-v2", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"),
    ("ssh", "ssh", b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    ("smtp-greeting", "smtp", b"220 mail.example.com ESMTP Postfix\r\n"),
    ("smtp-greeting-multi", "smtp", b"220-mx.example.com ESMTP Exim 4.96\r\n"),
    ("smtp-greeting-bare-host", "smtp", b"220 mail.example.com ready\r\n"),
    ("smtp-refusal", "smtp", b"554 5.7.1 Access denied\r\n"),
    ("smtp-bad-command", "smtp", b"500 5.5.2 Error: bad syntax\r\n"),
    ("smtp-not-implemented", "smtp", b"502 5.5.2 Error: command not recognized\r\n"),
    ("smtp-ehlo", "smtp", b"EHLO client.example.com\r\n"),
    ("smtp-ehlo-lower-case", "smtp", b"ehlo client\r\n"),
    ("lmtp", "smtp", b"LHLO client\r\n"),
    ("ftp-greeting", "ftp", b"220 (vsFTPd 3.0.3)\r\n"),
    ("ftp-greeting-proftpd", "ftp", b"220 ProFTPD Server (Debian) [::ffff:192.0.2.2]\r\n"),
    ("ftp-oops", "ftp", b"500 OOPS: vsftpd: refusing to run\r\n"),
    ("ftp-auth", "ftp", b"AUTH TLS\r\n"),
    ("ftp-user", "ftp", b"USER anonymous\r\n"),
    ("imap-greeting", "imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
    ("imap-bye", "imap", b"* BYE overloaded\r\n"),
    ("imap-command", "imap", b"a001 CAPABILITY\r\n"),
    ("imap-dot-tag", "imap", b". CAPABILITY\r\n"),
    ("pop3-greeting", "pop3", b"+OK Dovecot ready.\r\n"),
    ("pop3-error", "pop3", b"-ERR unknown\r\n"),
    ("pop3-capa", "pop3", b"CAPA\r\n"),
    ("nntp-greeting", "nntp", b"200 news.example.com InterNetNews NNRP server ready (posting ok)\r\n"),
    ("nntp-capabilities", "nntp", b"CAPABILITIES\r\n"),
    ("irc-nick", "irc", b"NICK joe\r\n"),
    ("irc-user", "irc", b"USER joe 0 * :Joe\r\n"),
    ("irc-server", "irc", b":irc.example.com NOTICE * :*** Looking up\r\n"),
    ("sieve", "sieve", b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n'),
    ("xmpp", "xmpp", b"<?xml version='1.0'?><stream:stream to='example.com' xmlns='jabber:client'>"),
    ("xmpp-bare", "xmpp", b"<stream:stream to='example.com'>"),
    ("xml", "xml", b"<?xml version='1.0'?><configuration>"),
    ("rtsp", "rtsp", b"OPTIONS rtsp://example.com/a RTSP/1.0\r\n"),
    ("rtsp-describe", "rtsp", b"DESCRIBE rtsp://example.com/a RTSP/1.0\r\n"),
    ("rtsp-answer", "rtsp", b"RTSP/1.0 200 OK\r\n"),
    ("sip", "sip", b"INVITE sip:joe@example.com SIP/2.0\r\n"),
    ("sip-options", "sip", b"OPTIONS sip:joe@example.com SIP/2.0\r\n"),
    ("sip-answer", "sip", b"SIP/2.0 200 OK\r\n"),
    ("redis-array", "redis", b"*1\r\n$4\r\nPING\r\n"),
    ("redis-error", "redis", b"-ERR unknown command '\x16\x03\x01'\r\n".replace(b"\x16\x03\x01", b"???")),
    ("redis-noauth", "redis", b"-NOAUTH Authentication required.\r\n"),
    ("redis-protected", "redis", b"-DENIED Redis is running in protected mode"),
    ("vnc", "vnc", b"RFB 003.008\n"),
    ("rsync", "rsync", b"@RSYNCD: 31.0\n"),
    ("fix", "fix", b"8=FIX.4.4\x019=100\x01"),
    ("git", "git", b"003egit-upload-pack /project.git\0host=example.com\0"),
    ("bittorrent", "bittorrent", b"\x13BitTorrent protocol" + bytes(8)),
    ("amqp-091", "amqp", b"AMQP\x00\x00\x09\x01"),
    ("amqp-10-tls", "amqp", b"AMQP\x02\x01\x00\x00"),
    ("amqp-start", "amqp", b"\x01\x00\x00\x00\x00\x01\xf4\x00\x0a\x00\x0a\x00\x09"),
    ("mqtt-connect", "mqtt", b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd"),
    ("mqtt-31", "mqtt", b"\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x04abcd"),
    ("mqtt-connack", "mqtt", b"\x20\x02\x00\x00"),
    ("mqtt5-connack", "mqtt", b"\x20\x03\x00\x00\x00"),
    ("ldap-bind", "ldap", ldap(1, b"\x60\x07\x02\x01\x03\x04\x00\x80\x00")),
    ("ldap-starttls", "ldap", START_TLS),
    ("ldap-long-length", "ldap", b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07"),
    ("kerberos", "kerberos", b"\x00\x00\x01\x37\x6a\x82\x01\x33\x30\x82\x01\x2f"),
    ("smb2", "smb", b"\x00\x00\x00\xa4\xfeSMB\x40\x00"),
    ("smb1", "smb", b"\x00\x00\x00\x85\xffSMB\x72\x00"),
    ("netbios-request", "smb", b"\x81\x00\x00\x44\x20EKEDFEEI"),
    ("postgres-ssl", "postgres", PG_SSL_REQUEST),
    ("postgres-gss", "postgres", PG_GSS_REQUEST),
    ("postgres-startup", "postgres", b"\x00\x00\x00\x29\x00\x03\x00\x00user\x00joe\x00"),
    ("postgres-agreed", "postgres", b"S" + server_hello()),
    ("postgres-authentication", "postgres", b"R\x00\x00\x00\x08\x00\x00\x00\x00S\x00"),
    ("postgres-error", "postgres", b"E\x00\x00\x00\x66SFATAL\x00VFATAL\x00"),
    ("mysql-greeting", "mysql", mysql_greeting()),
    ("mysql-error", "mysql", b"\x45\x00\x00\x00\xff\x6a\x04Host '192.0.2.1' is not allowed to connect"),
    ("mysql-ssl-request", "mysql", MYSQL_SSL_REQUEST),
    ("tds-prelogin", "tds", tds(0x12, prelogin(1))),
    ("tds-response", "tds", tds(0x04, prelogin(1))),
    ("rdp-request", "rdp", tpkt(0xE0, b"\x01\x00\x08\x00\x03\x00\x00\x00")),
    ("rdp-cookie", "rdp", tpkt(0xE0, b"Cookie: mstshash=joe\r\n\x01\x00\x08\x00\x03\x00\x00\x00")),
    ("rdp-confirm", "rdp", tpkt(0xD0, b"\x02\x1f\x08\x00\x02\x00\x00\x00")),
    ("cotp", "cotp", tpkt(0xE0, b"\xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02")),
    ("socks4", "socks4", b"\x04\x01\x01\xbb\xc0\x00\x02\x01joe\x00"),
    ("socks4a", "socks4", b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00example.com\x00"),
    ("socks5", "socks5", b"\x05\x01\x00"),
    ("socks5-two-methods", "socks5", b"\x05\x02\x00\x02\x05\x01\x00\x01"),
    ("socks5-answer", "socks5", b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01"),
    ("dcerpc", "dcerpc", b"\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00"),
    ("telnet", "telnet", b"\xff\xfd\x18\xff\xfd\x20"),
    ("bgp", "bgp", b"\xff" * 16 + b"\x00\x1d\x01\x04"),
    ("dns", "dns", b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"),
    ("stun", "stun", b"\x00\x01\x00\x08\x21\x12\xa4\x42"),
    ("openvpn", "openvpn", b"\x00\x0e\x38\x50\x7a\x28\xa7\x82\x75\x78\x8d\x00\x00\x00\x00\x00"),
    ("mongodb", "mongodb", b"\x3f\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00"),
    ("oracle-tns", "oracle-tns", b"\x00\xf2\x00\x00\x01\x00\x00\x00\x01\x3e\x01\x2c"),
    ("pptp", "pptp", b"\x00\x9c\x00\x01\x1a\x2b\x3c\x4d\x00\x01"),
    ("diameter", "diameter", b"\x01\x00\x00\xc4\x80\x00\x01\x01\x00\x00\x00\x00"),
    ("openwire", "openwire", b"\x00\x00\x01\x51\x01ActiveMQ\x00\x00\x00\x0c"),
    ("ajp", "ajp", b"\x12\x34\x00\xb2\x02\x02\x00\x08HTTP/1.1"),
    ("ajp-long", "ajp", b"\x12\x34\x01\x34\x02\x02\x00\x08HTTP/1.1"),
    ("irc-notice-auth", "irc", b"NOTICE AUTH :*** Looking up your hostname\r\n"),
    ("kafka", "kafka", b"\x00\x00\x00\x15\x00\x12\x00\x00\x00\x00\x00\x04\x00\x07rdkafka"),
)
"""(id, name, bytes). Every name of the table of signatures is here at least once."""

NEAR_MISSES: tuple[tuple[str, bytes], ...] = (
    ("zeros", bytes(64)),
    ("one-zero", b"\0"),
    ("no-alert-and-no-version", bytes.fromhex("15 0000 0002 0300")),
    ("tls-version-of-http", b"\x16\x54\x54\x50\x2f\x31\x2e\x31"),
    ("tls-version-too-new", b"\x16\x03\x05\x00\x20\x01\x00\x00\x1c"),
    ("tls-record-too-long", b"\x16\x03\x01\x48\x01\x01\x00\x47\xfd"),
    ("tls-message-too-long", b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"),
    ("tls-message-type-unknown", b"\x16\x03\x01\x40\x00\xaa\x00\x01\x00"),
    ("tls-empty-record-then-junk", b"\x16\x03\x01\x00\x00\xff\xff\xff\xff\xff"),
    ("change-cipher-spec-too-long", b"\x14\x03\x01\x00\x02\x01\x01"),
    ("alert-level-three", b"\x15\x03\x01\x00\x02\x03\x28"),
    ("dtls", b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x50\x01"),
    ("sslv2-cipher-length-not-of-3", b"\x80\x2e\x01\x00\x02\x00\x14\x00\x00\x00\x11" + bytes(37)),
    ("sslv2-lengths-disagree", b"\x80\x2f\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37)),
    ("sslv2-no-challenge", b"\x80\x1e\x01\x00\x02\x00\x15\x00\x00\x00\x00" + bytes(21)),
    ("random", bytes.fromhex("67e172dfa247a446922c6bae41fee94f67e172dfa247a446922c6bae41fee94f")),
    ("get-without-target", b"GET \r\n\r\n"),
    ("get-of-a-cache", b"GET key\r\n"),
    ("post-office", b"POSTOFFICE\r\n"),
    ("proxy-word", b"PROXY over there\r\n"),
    ("prose", b"hello, is anybody there?\r\n"),
    ("http-misspelt", b"HTTo/1.1 200 OK\r\n"),
    ("proxy-v2-version-3", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\x00\x0c" + bytes(12)),
    ("settings-of-odd-length", b"\x00\x00\x13\x04\x00\x00\x00\x00\x00\x00\x03\x00"),
    ("settings-on-a-stream", b"\x00\x00\x12\x04\x00\x00\x00\x00\x01\x00\x03\x00"),
    ("ber-that-is-snmp", b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19"),
    ("postgres-length-9", b"\x00\x00\x00\x09\x04\xd2\x16\x2f"),
    ("tds-window-not-0", b"\x12\x01\x00\x2f\x00\x00\x01\x07\x00\x00\x1a\x00\x06\x01\x00\x20"),
    ("socks4-port-0", b"\x04\x01\x00\x00\xc0\x00\x02\x01joe\x00"),
    ("socks5-method-twice", b"\x05\x02\x00\x00\x05\x01\x00\x01"),
    ("dnp3", b"\x05\x64\x1a\xc4\x02\x00\x03\x00"),
    ("rtp", b"\x80\x00\x00\x70\xd2\x8d\x72\x1d\x00\x00\x00\x01"),
    ("id3", b"ID3\x03\x00\x00\x00\x00\x1fvTALB"),
    ("mqtt-other-name", b"\x10\x10\x00\x04MQXX\x04\x02"),
    ("bgp-length-0", b"\xff" * 16 + b"\x00\x00\x01"),
    ("stun-without-cookie", b"\x00\x01\x00\x08\x21\x12\xa4\x43"),
    ("code-without-space", b"220ok\r\n"),
)
"""(id, bytes) that resemble a protocol and are none: all are ``unknown``."""
