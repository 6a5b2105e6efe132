"""What a session gives to commands: options that reach the same server as the client did, in every form of address."""

from __future__ import annotations

import ipaddress
import shlex
from typing import Any

import pytest

from capanalyzer.diagnosis.f5.resets import side_of
from capanalyzer.diagnosis.fields import OPTIONAL_FIELDS, SESSION_FIELDS, session_fields
from capanalyzer.diagnosis.render import render_finding
from capanalyzer.diagnosis.rule import failure
from capanalyzer.diagnosis.verdict import Blame, Confidence
from capanalyzer.handshake.session import Endpoint, Session, Upgrade
from capanalyzer.streams.f5.facts import Address, F5Facts

from .sessions import C, client_hello_body, handshake, session


def tls(name: str | None = "www.example.com", **rest: Any) -> Session:
    return session(handshake(C, 0.02, 1, client_hello_body(name=name)), **rest)


def upgraded(kind: str, opening: bytes = b"", **rest: Any) -> Session:
    return tls(upgrade=Upgrade(kind, asked=True, agreed=True), opening=(opening, b""), **rest)


def at(one: Session, server: str, client: str = "2001:db8::7") -> Session:
    one.server, one.client = Endpoint(server, one.server.port), Endpoint(client, one.client.port)
    return one


def test_a_pool_member_is_one_that_a_virtual_server_led_to() -> None:
    """A monitor is the BIG-IP's own connection, too, and no profile of a virtual server made it speak TLS."""
    one = at(tls(), "2001:db8::9")
    client, server = (Address(ipaddress.ip_address(end.ip).packed, end.port) for end in (one.client, one.server))
    one.f5 = F5Facts(0, (client, server), sent={client: 3}, received={server: 2})
    assert side_of(one) == "server"
    assert "member" not in session_fields(one)
    one.f5.virtual_server = "/Common/vs_www"
    named = {"member", "passed_member"}
    assert not named & set(session_fields(one))  # whose TLS it is, the client's side would show
    for is_passed_on, name in ((False, "member"), (True, "passed_member")):
        one.f5.is_passed_on = is_passed_on
        fields = session_fields(one)
        assert fields[name] == "[2001:db8::9]:443"
        assert len(named & set(fields)) == 1
        profile, option = ("client-ssl", "clientciphers") if is_passed_on else ("server-ssl", "serverciphers")
        assert (fields["ssl_profile"], fields["tmm_ciphers"]) == (profile, option)
        assert ("client_ssl" in fields) == is_passed_on


def test_a_plain_session() -> None:
    one = at(tls(), "198.51.100.9", "192.0.2.7")
    fields = session_fields(one)
    assert set(fields) == {*SESSION_FIELDS, *OPTIONAL_FIELDS} - {"member", "passed_member"}  # no BIG-IP is its client
    assert fields["connect"] == "-connect 198.51.100.9:443 -servername www.example.com"
    assert fields["endpoint"] == "-connect 198.51.100.9:443"
    assert fields["https_url"] == "--connect-to ::198.51.100.9:443 https://www.example.com/"
    assert fields["http_url"] == "--connect-to ::198.51.100.9:443 http://www.example.com:443/"
    assert fields["dns_name"] == fields["name"] == "www.example.com"
    assert (fields["nmap"], fields["iptables"], fields["ping_size"], fields["ping_headers"]) == (
        "nmap", "iptables", 1472, 28,
    )  # fmt: skip


def test_ipv6_stands_in_brackets_that_no_shell_expands() -> None:
    fields = session_fields(at(tls(), "2001:db8::9"))
    assert fields["connect"] == "-connect '[2001:db8::9]:443' -servername www.example.com"
    assert shlex.split(str(fields["https_url"])) == [
        "--connect-to", "::[2001:db8::9]:443", "https://www.example.com/",
    ]  # fmt: skip
    assert fields["server"] == "[2001:db8::9]"
    assert fields["client_host"] == "[2001:db8::7]"
    assert (fields["nmap"], fields["iptables"], fields["ping_size"]) == ("nmap -6", "ip6tables", 1452)


def test_without_a_name_none_is_sent_and_none_is_looked_up() -> None:
    fields = session_fields(at(tls(None), "2001:db8::9"))
    assert fields["connect"] == "-connect '[2001:db8::9]:443' -noservername"
    assert fields["https_url"] == "'https://[2001:db8::9]/'"
    assert fields["name"] == "2001:db8::9"
    assert fields["nmap_sni"] == ""
    assert "dns_name" not in fields


@pytest.mark.parametrize("kind", ["smtp", "imap", "pop3", "ftp", "ldap", "xmpp", "postgres", "mysql", "nntp", "sieve"])
def test_starttls_is_asked_for_as_the_client_did(kind: str) -> None:
    fields = session_fields(upgraded(kind))
    assert f" -starttls {kind} -servername www.example.com" in str(fields["connect"])
    assert "https_url" not in fields


def test_a_greeting_names_the_upgrade() -> None:
    fields = session_fields(tls(protocol=("tls", "smtp")))
    assert str(fields["endpoint"]).endswith("-starttls smtp")


def test_a_tunnel_is_dug_through_the_same_proxy() -> None:
    opening = b"CONNECT api.example.org:8443 HTTP/1.1\r\nHost: api.example.org:8443\r\n\r\n"
    fields = session_fields(at(upgraded("connect", opening), "198.51.100.9"))
    assert fields["endpoint"] == "-connect api.example.org:8443 -proxy 198.51.100.9:443"
    assert "https_url" not in fields


@pytest.mark.parametrize("kind", ["rdp", "tds", "socks5", "proxy-v2"])
def test_what_openssl_cannot_speak_gives_no_command_of_it(kind: str) -> None:
    assert not {"connect", "endpoint"} & set(session_fields(upgraded(kind)))


def test_a_proxy_header_goes_before_curls_hello() -> None:
    assert "--haproxy-protocol " in str(session_fields(upgraded("proxy-v1"))["https_url"])


def test_curl_is_for_ports_that_carry_http() -> None:
    assert "https_url" not in session_fields(tls(port=993))
    assert "https_url" in session_fields(tls(port=8443))


def test_a_plaintext_request_names_its_host() -> None:
    opening = b"GET / HTTP/1.1\r\nUser-Agent: x\r\nHost: shop.example.com:8080\r\n\r\n"
    one = session(opening=(opening, b""), protocol=("http", None))
    assert session_fields(one)["name"] == "shop.example.com"


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b;c", "x\x00y", "--", "`id`", "$(id)", "a'b", "★.example"])
def test_no_name_becomes_an_option_or_a_command(name: str) -> None:
    fields = session_fields(tls(name))
    words = shlex.split(str(fields["connect"]))
    assert words[0] == "-connect"
    assert words[2:3] in ([], ["-servername"])
    assert not any(word.startswith("-") for word in words[3:])
    assert len(words) <= 4
    assert not set("`$;'\" \x00") & set("".join(words))


def test_the_time_of_the_session_has_a_margin() -> None:
    one = tls()
    one.start_ns = one.end_ns = 1_795_428_062_500_000_000
    fields = session_fields(one)
    assert (fields["since"], fields["until"]) == ("2026-11-23 10:00:02 UTC", "2026-11-23 10:02:02 UTC")
    one.start_ns = one.end_ns = 1 << 90
    assert session_fields(one)["since"] == "?"


def test_what_does_not_fit_the_session_is_left_out_of_its_remedies() -> None:
    finding = failure("certificate-expired", Confidence.LIKELY, Blame.SERVER, (0, 1), variant="hidden")
    plain, database = (" ".join(render_finding(finding, one).remedies) for one in (tls(), upgraded("tds")))
    assert "s_client" in plain
    assert "curl" in plain
    assert "s_client" not in database
    assert "curl" not in database
