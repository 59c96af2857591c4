"""Held-out examples: losses, pose errors, bounds, and the data of the report."""
