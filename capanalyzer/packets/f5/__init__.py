"""What an F5 BIG-IP writes into its own captures: a first record about the capture, and a trailer behind each packet.

Layouts are those that Wireshark's ``f5ethtrailer`` dissector reads; every one of them is compared with it in the tests.
Nothing here raises on what a capture holds: what cannot be read is not there.
"""
