"""What the capture cannot tell, and what is worth a warning on sessions that work."""
