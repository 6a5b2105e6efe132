"""Raw packets to TCP segments as columns (:class:`~capanalyzer.packets.table.PacketTable`).

- Entry and result: ``decode``, ``table``, ``columns`` (while it is filled), ``notes`` (what became no row),
  ``flowkey``.
- The fast way, by whole columns: ``fast``, ``rows``.
- The slow way, a packet at a time: ``walk`` with ``stack`` (which layer reads which number), ``layer``, ``link``,
  ``media``, ``internet``, ``tunnels``, ``fragments``.
"""
