"""Measurements that anybody can run again; none of them is a test.

    benchmarks.search         what searches find and cost, beside the original work in PyTorch
    benchmarks.cost           time and memory of a train step and of a search
    benchmarks.alignment      errors of `--mode align` and `--mode fit-align`
    benchmarks.experiments    the claims of the original work, beside baselines

Their numbers lie in `results/`. Programs that try to break the package are `tests.robustness`.
"""
