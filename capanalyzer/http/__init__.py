"""HTTP/1 start lines: enough to say what was asked of whom and what came back."""
