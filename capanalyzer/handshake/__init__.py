"""The segments of a connection to a session: facts, before anybody judges them.

- A connection while it is read: ``connection``, ``direction``, ``conversation`` (where TLS begins, who is the client),
  ``tds_reader``, ``sent_order`` (where the capture has another), ``side``.
- The handshake: ``states`` (the table) and ``machine`` (walks it).
- The session: ``build``, ``session``, ``tcp_facts``, ``tls_facts``, ``bodies``, ``timeline``.
- The short way for ordinary sessions, many at a time, with the same facts: ``ordinary``, ``ordinary_reading``,
  ``ordinary_batch``, ``ordinary_session``, ``shapes``, ``late_alerts``, ``departure``.
"""
