"""Time and memory of a train step and of a search."""
