"""Sessions with servers whose logs are kept beside the capture."""

from __future__ import annotations

import random
import shutil
import ssl
from functools import partial

from lab.case import UNLABELLED, Expected, case, failed, ok
from lab.joining import SERVERS, Client, serve
from lab.net import Lab

__all__ = ["log_lines"]

KINDS = ("healthy", "unknown-ca", "old-version", "http")
ANSWERS = {"nginx": "http-response", "apache": "http-response", "go": "http-response"}
"""Who answers plaintext HTTP; the others close without a word."""
LABELS = {
    "healthy": ok("1.2"),
    "unknown-ca": failed("certificate-unknown-ca", "client-flight", UNLABELLED, "client", version="1.2"),
    "old-version": failed("protocol-version-mismatch", "server-hello", UNLABELLED, "server"),
}


@case(
    "log-lines",
    "Healthy and failing sessions with five servers, and what each of them wrote into its log",
    "Python's ssl (OpenSSL) to nginx, HAProxy, Apache, stunnel and Go's net/http, to each: TLS 1.2, TLS 1.2 without "
    "the root, TLS 1.1, and plaintext HTTP. nginx's log is in the time zone of Tokyo, the others in UTC.",
    "nginx", "haproxy", "apache", "stunnel", "go", "python",
)  # fmt: skip
def log_lines(lab: Lab) -> list[Expected]:
    logs = serve(lab, lab.pki.leaf(), zone="Asia/Tokyo")
    for log in logs.values():
        log.write_text("")  # what they say of their start is of no interest
    client = Client(lab, random.Random(1))
    client.kinds["healthy"] = partial(client.tls, high=ssl.TLSVersion.TLSv1_2)
    client.kinds["unknown-ca"] = partial(client.tls, trust=False, high=ssl.TLSVersion.TLSv1_2)
    labels = []
    with lab.capture():
        for kind in KINDS:
            for server in SERVERS:
                lab.inside("client", partial(client.speak, server, kind, (lab.plan.client, 0)))
                lab.pause(0.6)
                http = failed("http-to-tls-port", "first-bytes", "client", client="http", server=ANSWERS.get(server))
                labels.append(LABELS.get(kind, http.but(sni=None)))
    kept = lab.work / "logs"
    kept.mkdir()
    for log in logs.values():
        shutil.copyfile(log, kept / log.name)
    return labels
