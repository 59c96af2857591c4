"""Searches: what they find and cost, beside the recipe of the original work."""
