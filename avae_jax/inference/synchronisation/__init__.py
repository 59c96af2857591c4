"""Poses on which examples agree, found by registering them with one another; no model is needed."""
