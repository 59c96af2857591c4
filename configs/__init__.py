"""Packaged configs; each file holds the edits that make one experiment."""
