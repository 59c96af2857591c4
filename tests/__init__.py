"""Tests of the package, one file a module, and programs that try it hard."""
