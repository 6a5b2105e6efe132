"""The laboratory: sample captures made with real software in network namespaces.

Three namespaces stand in a row, ``client`` - ``router`` - ``server``, joined by veth pairs; each case starts
real servers and clients in them, captures on one interface with tcpdump and says what each session is.
Needs root, iproute2, iptables, tcpdump, editcap and the servers a case uses.
"""
