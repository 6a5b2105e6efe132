"""The benchmark: workloads made from real handshake bytes, and how long we and others take over them.

``handshakes`` plays real TLS sessions in memory, ``script`` turns a session into the packets of a TCP
connection, ``stamp`` copies such a script into thousands of connections at once, ``workloads`` writes the
capture files, ``measure`` and ``peers`` run the programs.
"""
