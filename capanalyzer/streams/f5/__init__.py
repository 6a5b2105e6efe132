"""What a BIG-IP's trailers say of each connection, and which two connections are the sides of one that it proxies."""
