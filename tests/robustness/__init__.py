"""Programs that feed the package broken files and kill its runs; tests call short rounds."""
