"""The laboratory: sample captures made with real software in network namespaces.

Three namespaces stand in a row, ``client`` - ``router`` - ``server``, joined by veth pairs; each case starts
real servers and clients in them, captures on one interface with tcpdump and says what each session is.
Needs root, iproute2, iptables, tcpdump, editcap and the programs a case uses.

``plan`` has addresses, names, ports and order, ``net`` the network, ``pki`` the certificates; ``servers`` and
``clients`` start every program with the same few words; ``session`` plays tables of clients and labels. The other
modules are families of cases. ``reading``, ``proofs`` and ``check`` hold the labels against tshark.
"""
