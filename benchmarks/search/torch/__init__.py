"""The networks, the objective and the search of the original work in PyTorch."""
