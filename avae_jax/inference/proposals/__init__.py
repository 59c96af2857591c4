"""Where the search starts: templates that the model draws, and a pose head that ranks them."""
