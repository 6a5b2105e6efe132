"""What a BIG-IP says of the connections it proxies: who reset them and why, and what happened on the other side."""
