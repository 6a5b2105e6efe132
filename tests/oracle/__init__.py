"""Tests against somebody else's reading of the same captures."""
