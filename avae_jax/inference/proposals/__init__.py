"""Starts of the search: templates decoded by the model, and a pose head that ranks them."""
