"""Poses of observations: the search, its proposals, posteriors and bounds."""
