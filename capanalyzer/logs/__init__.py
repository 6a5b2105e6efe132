"""Lines of other programs' logs about TLS: recognised, read, explained, joined with sessions of a capture."""
