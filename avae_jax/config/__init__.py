"""The one list of options, config files and the command line's flags."""
