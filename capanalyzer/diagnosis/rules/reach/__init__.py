"""Did the client reach the server at all."""
