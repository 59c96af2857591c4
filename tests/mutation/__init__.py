"""Small wrong changes to a module, and which of them its tests notice: `python -m tests.mutation`.

mutmut 3.8 runs mutants in forks of a process in which JAX has threads already, which stops them;
cosmic-ray 8.7 changes files in place and neither draws by a seed nor drops guards or swaps
arguments.
"""
