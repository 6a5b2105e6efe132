"""Did both ends speak the same protocol."""
