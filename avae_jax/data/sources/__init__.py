"""Where examples come from: one module a source, named by `data.source`."""
