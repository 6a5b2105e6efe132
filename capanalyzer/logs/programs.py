"""What the programs behind the formats are called."""

from __future__ import annotations

from typing import Final

__all__ = ["PROGRAMS"]

PROGRAMS: Final = {
    "f5-ltm": "F5 BIG-IP, /var/log/ltm",
    "nginx": "nginx, error_log",
    "haproxy": "HAProxy",
    "apache": "Apache httpd, mod_ssl",
    "stunnel": "stunnel",
    "envoy": "Envoy (Istio)",
    "squid": "Squid, cache.log",
    "aws-alb": "AWS Application Load Balancer",
    "aws-nlb": "AWS Network Load Balancer",
    "aws-elb": "AWS Classic Load Balancer",
    "aws-cloudfront": "AWS CloudFront",
    "azure": "Azure Application Gateway, Front Door",
    "gcp": "Google Cloud Load Balancing",
    "postfix": "Postfix",
    "exim": "Exim",
    "dovecot": "Dovecot",
    "sshd": "OpenSSH sshd",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL, MariaDB",
    "go": "Go, net/http and crypto/tls",
    "java": "Java, JSSE or Netty",
    "curl": "curl, libcurl (git, PHP ...)",
    "python": "Python, ssl",
    "node": "Node.js",
    "ruby": "Ruby, openssl",
    "rustls": "Rust, rustls",
    "erlang": "Erlang, ssl (RabbitMQ, ejabberd ...)",
    "browser": "Chromium, Edge, Firefox, Safari",
    "schannel": "Windows Schannel",
    "dotnet": ".NET",
    "gnutls": "GnuTLS (Wget, Exim, git ...)",
    "openssl": "OpenSSL, BoringSSL",
}
"""By :attr:`LogLine.format`."""
