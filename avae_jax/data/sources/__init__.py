"""Data sources: one module for each, named by `data.source`."""
