"""The evidence: every claim of the source reproduced, beside baselines.

    python -m benchmarks.experiments table1 --size small --seed 0    # one experiment
    python -m benchmarks.experiments collect --size small            # docs/project/results.md

Models are trained through the command line, into one work directory each, and a second call goes
on where the first was interrupted.
"""
