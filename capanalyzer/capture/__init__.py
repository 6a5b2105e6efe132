"""Bytes of a capture, from wherever they come, to batches of raw packet records.

- What the user named, opened: ``source`` (files, folders, globs, URLs, standard input), ``rings``, ``ring_names`` and
  ``ring_merge`` (files filled in turn), ``opening``, ``probe`` (what a file is), ``compression``, ``streams``,
  ``windows`` (a window that slides over the bytes), ``spool`` (a copy, to be read twice), ``files`` (a capture, batch
  by batch).
- Formats: ``reader`` (what all share), ``pcap``, ``pcapng`` with ``pcapng_blocks`` and ``pcapng_columns``, ``snoop``,
  ``lanes`` (record boundaries without a loop), ``timestamps``, ``linktypes``, ``records`` (what is handed on).
- Live: ``live_source`` (the promise), ``live_open``, ``live_interface`` with ``live_tap``, ``packet_ring``,
  ``ring_blocks`` and ``ring_columns`` (AF_PACKET), ``scapy_source`` (elsewhere), ``live_pipe``; ``interfaces``,
  ``interface_losses``, ``permission``, ``clock``.
- Filters in the kernel: ``bpf``, ``default_filter``, ``pcap_filter``.
- Writing: ``write``, ``write_columns``.
"""
