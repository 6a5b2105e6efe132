"""JA3, JA3S and JA4 against their published examples."""

from __future__ import annotations

import pytest

from capanalyzer.tls.fingerprint import ja3, ja3_string, ja3s, ja3s_string, ja4, ja4_raw
from capanalyzer.tls.hello import read_client_hello, read_server_hello
from tests.tls.wires import MODERN_HELLO, alpn, client_hello, codes, extension, server_hello, sni

CHROME_SUITES = "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"


def test_ja3_published_examples() -> None:
    """https://github.com/salesforce/ja3: with extensions, and without any."""
    suites = (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4)
    hello = read_client_hello(
        client_hello(
            sni(b"example.com"),
            extension(10, codes(2, 23, 24, 25)),
            extension(11, b"\x01\0"),
            version=769,
            suites=suites,
        )
    )
    assert ja3_string(hello) == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert ja3(hello) == "ada70206e40642a3e4461f35503241d5"
    bare = read_client_hello(client_hello(version=769, suites=(4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99)))
    assert ja3_string(bare) == "769,4-5-10-9-100-98-3-6-19-18-99,,,"
    assert ja3(bare) == "de350869b8c85de67a350c8d186f11e6"


def test_ja3_leaves_grease_out() -> None:
    assert ja3_string(read_client_hello(MODERN_HELLO)) == (
        "771,4865-4866-49195,0-23-65281-10-11-35-16-13-51-45-43-21,4588-29-23,0"
    )


def test_ja3s() -> None:
    """https://github.com/salesforce/ja3: the example of a server."""
    bodies = (extension(kind, b"") for kind in (65281, 0, 11, 35, 5, 16))
    hello = read_server_hello(server_hello(*bodies, version=769, suite=47))
    assert ja3s_string(hello) == "769,47,65281-0-11-35-5-16"
    assert ja3s(hello) == "836ce314215654b5b1f85f97c73e506f"


def chrome(*, name: bytes = b"example.com") -> bytes:
    """The hello of the JA4 description, with GREASE in every list."""
    fixed = [0x0005, 0x000B, 0x0012, 0x0015, 0x0017, 0x001B, 0x0023, 0x002D, 0x0033, 0x4469, 0xFF01]
    return client_hello(
        extension(0x2A2A, b""),
        sni(name),
        *(extension(kind, b"") for kind in fixed),
        extension(0x000A, codes(2, 0x3A3A, 29, 23, 24)),
        extension(0x000D, codes(2, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)),
        alpn(b"h2", b"http/1.1"),
        extension(0x002B, codes(1, 0x4A4A, 0x0304, 0x0303)),
        suites=(0x5A5A, *(int(code, 16) for code in CHROME_SUITES.split())),
    )


def test_ja4_published_example() -> None:
    hello = read_client_hello(chrome())
    assert ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4_raw(hello) == (
        "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_0403,0804,0401,0503,0805,0501,0806,0601"
    )
    assert ja4(hello, "q").startswith("q13d1516h2_")


@pytest.mark.parametrize(
    ("hello", "head"),
    [
        (client_hello(), "t12i020000_"),
        (client_hello(version=0x0300), "ts3i020000_"),
        (client_hello(version=0x7F12), "t00i020000_"),
        (client_hello(alpn(b"\xab")), "t12i0201ab_"),
        (client_hello(alpn(b"h\xff")), "t12i02016f_"),
        (client_hello(alpn(b"a")), "t12i0201aa_"),
        (client_hello(alpn(b"")), "t12i020100_"),
        (client_hello(suites=tuple(range(1, 150))), "t12i990000_"),
    ],
)
def test_ja4_heads(hello: bytes, head: str) -> None:
    assert ja4(read_client_hello(hello)).startswith(head)


def test_ja4_of_empty_lists_is_zeros() -> None:
    assert ja4(read_client_hello(client_hello(suites=()))) == "t12i000000_000000000000_000000000000"
