"""Which protocol a connection speaks, and where TLS begins in it: pure functions on bytes.

- :mod:`~capanalyzer.classify.first_bytes`: the protocol of a direction by its first bytes;
- :mod:`~capanalyzer.classify.upgrade`: TLS behind CONNECT, a PROXY header, STARTTLS and its like.
"""
