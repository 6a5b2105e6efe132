"""TLS as an observer sees it: records, hellos, certificates, fingerprints. Bytes in, facts out; nothing raises but
:class:`~capanalyzer.errors.WireError`, and only out of the ``read_`` functions for one message.

The modules, with what others use of them (import from the modules; this package imports nothing):

``records``
    ``TlsReader(side, offset=0, mid_stream=False)``: ``feed(data, frame, time_ns)``, ``gap(size, frame, time_ns)``,
    ``finish(frame, time_ns)``; results ``messages: list[Message]``, ``application_records``, ``application_bytes``,
    ``record_count``, ``desynchronised: (offset, frame) | None``, ``malformed: [(frame, text)]``, ``messages_dropped``,
    ``skipped_bytes``, ``pending: Pending | None``, ``wants_until`` (stream offset), ``wants_more``.
    Content types ``CHANGE_CIPHER_SPEC ALERT HANDSHAKE APPLICATION_DATA HEARTBEAT SSLV2``.
``hello``
    ``read_client_hello(body) -> ClientHello``, ``read_server_hello(body) -> ServerHello`` (HelloRetryRequest where
    ``is_hello_retry``), ``read_sslv2_client_hello(body)``, ``read_sslv2_server_hello(body)``,
    ``read_sslv2_certificate(body) -> DER``,
    ``parse_client_hello(body, partial=True)`` for the beginning of one. ``hello.shape`` is shared by hellos that differ
    only in random parts: a key to cache what depends on nothing else (``shape.scratch``).
``fingerprint``
    ``ja3(hello)``, ``ja4(hello, "t")``, ``ja3s(server_hello)``.
``certificates``
    ``read_chain(body) -> Chain(certificates, error)`` never raises; ``certificate_facts(der) -> CertificateFacts``;
    ``read_certificate_message(body) -> DERs`` raises. Both caches return the same objects for the same bytes.
``messages``
    CertificateRequest, ServerKeyExchange, CertificateStatus, NewSessionTicket.
``history``
    ``history(messages)``: Zeek's letters.
``codepoints``
    ``cipher_suite_name(code)``, ``version_name``, ``alert_name``, ``group_name``, ``extension_name``,
    ``signature_scheme_name``, ``handshake_name`` ...

Behind them: ``record_facts``, ``record_messages`` and ``plausible`` (records), ``columns`` (records of many streams at
once); ``hello_facts``, ``extensions``, ``shapes``, ``templates`` and ``alike`` (hellos, and those that were seen
before); ``x509``, ``x509_structure``, ``x509_parts``, ``x509_extensions``, ``der``, ``oids`` and ``signatures``
(certificates).
"""
