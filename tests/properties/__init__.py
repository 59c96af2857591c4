"""Properties that hold for everything a user may give, tried on drawn examples (hypothesis)."""
