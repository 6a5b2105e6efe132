"""Did the client trust the server, and the server the client."""
