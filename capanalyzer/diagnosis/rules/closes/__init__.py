"""Who reset, closed or fell silent, and why."""
