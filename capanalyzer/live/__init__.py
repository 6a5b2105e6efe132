"""Watching an interface: verdicts while sessions happen, and who is told of them."""
