"""Products that intercept TLS, by the names of the authorities they sign with.

Names are those the products come with; whoever renames the authority is not found here. Each is matched as whole words
in the common name, organisation or unit of an issuer, and only as much of it as no public authority and no ordinary
company is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from capanalyzer.tls.x509 import CertificateFacts

__all__ = ["PRODUCT_WORDS", "interception_product", "product_named"]

_PRODUCTS: Final = (
    # (what a report calls it, words of the name)
    ("mitmproxy", r"mitmproxy"),
    ("Zscaler", r"zscaler"),
    ("FortiGate", r"fortinet|fortigate|fortinet_ca_\w+"),
    ("Palo Alto Networks", r"palo alto networks"),
    ("Sophos", r"sophos"),
    ("Avast", r"avast!?.* shield"),
    ("AVG", r"avg .*shield"),
    ("Kaspersky", r"kaspersky"),
    ("ESET", r"eset ssl(?:/tls)? filter.*"),
    ("Bitdefender", r"bitdefender"),
    ("Norton", r"(?:norton|symantec) web/mail shield.*"),
    ("Dr.Web", r"dr\.? ?web"),
    ("AdGuard", r"adguard .*ca"),
    ("Blue Coat ProxySG", r"blue ?coat|proxysg|symantec (?:cloud swg|web security service)"),
    ("McAfee Web Gateway", r"mcafee web gateway"),
    ("Skyhigh Security", r"skyhigh(?: security)?|trellix"),
    ("Cisco Umbrella", r"cisco umbrella"),
    ("Cisco Secure Access", r"cisco secure access"),
    ("Netskope", r"netskope|(?:[\w-]+\.)*goskope(?:\.com)?"),
    ("Forcepoint", r"forcepoint|websense"),
    ("Check Point", r"check point"),
    ("SonicWall", r"sonicwall .*dpi-?ssl|dpi-ssl"),
    ("WatchGuard", r"watchguard|fireware"),
    ("Barracuda", r"barracuda(?: networks)?"),
    ("iboss", r"iboss"),
    ("Menlo Security", r"menlo security"),
    ("Cloudflare Gateway", r"gateway ca .*cloudflare|cloudflare .*gateway ca|cloudflare for teams .*"),
    ("Cato Networks", r"cato networks"),
    ("Trend Micro", r"iwsva|trend micro .*(?:interscan|web security).*"),
    ("Smoothwall", r"smoothwall"),
    ("Lightspeed", r"lightspeed (?:systems|filter|rocket)"),
    ("GoGuardian", r"goguardian"),
    ("Securly", r"securly"),
    ("Untangle", r"untangle"),
    ("Squid", r"squid[ -](?:proxy|cache|ca|ssl|bump).*|\Asquid\Z"),
    ("pfSense", r"pfsense"),
    ("Charles Proxy", r"charles proxy.*"),
    ("Fiddler", r"do_not_trust(?:_fiddlerroot)?|fiddler ?root.*|www\.fiddler2\.com"),
    ("Burp Suite", r"portswigger"),
    ("OWASP ZAP", r"owasp (?:zap|zed attack proxy).*|owasp root ca"),
    ("Proxyman", r"proxyman"),
    ("Superfish", r"superfish|komodia|visualdiscovery"),
    ("PrivDog", r"privdog"),
)
_PATTERNS: Final = tuple(
    (product, re.compile(rf"(?<![\w.-])(?:{words})(?![\w-])", re.IGNORECASE)) for product, words in _PRODUCTS
)
PRODUCT_WORDS: Final = frozenset(word for _, words in _PRODUCTS for word in re.findall(r"[a-z]{3,}", words))
"""Words of all these names."""
_ATTRIBUTE: Final = re.compile(r"(?:^|[,+])(?:CN|O|OU)=((?:\\.|[^,+\\])*)")


@lru_cache(4096)
def product_named(name: str) -> str | None:
    """The product whose authority bears this RFC 4514 name; None for all others."""
    values = [re.sub(r"\\(.)", r"\1", value) for value in _ATTRIBUTE.findall(name)]
    return next((product for product, words in _PATTERNS if any(words.search(value) for value in values)), None)


def interception_product(chain: Iterable[CertificateFacts]) -> str | None:
    """The product that issued a server's chain.

    A device's own certificate, of its administration pages, bears the maker's name as subject and issuer; that is no
    interception.
    """
    certificates = tuple(chain)
    product = next((found for c in certificates if (found := product_named(c.issuer)) is not None), None)
    return None if product is None or product_named(certificates[0].subject) == product else product
