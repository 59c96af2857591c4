"""Configs of the experiments: which models each trains, at two sizes.

    python -m benchmarks.experiments table1 --size small --seed 0

A model is a config of `configs/` and edits of it; what stands under the name of the size is
edited in all of them. Models of one name are one and the same in all experiments, and are
trained once.
"""

from typing import Any

UPRIGHT = {"data": {"pose": "as_is"}, "train": {"search": False}}
# Random poses and no search: the augmentation that everybody uses.
AUGMENTED = {"train": {"search": False}}

# Of the 60,000 images of MNIST, in batches of 128.
TEN_EPOCHS = {"train": {"steps": 4690}}

# For every model of every experiment, to see whether all runs.
SMOKE = {
    "data": {"limit": 40},
    "model": {"hidden": (16, 16)},
    "search": {"prototypes": 4, "visits": 64},
    "train": {"steps": 2, "batch_size": 8},
    "eval": {
        "examples": 20,
        "curve_points": 2,
        "curve_examples": 4,
        "marginal_examples": 0,
        "explored": False,
    },
    "log": {"moments": 0},
}


def mnist(*edits: dict[str, Any]) -> dict[str, Any]:
    """MNIST at 40 x 40 with these edits."""
    return merged({"config": "mnist_idx"}, *edits)


def merged(*edits: dict[str, Any]) -> dict[str, Any]:
    """Nested edits in one, the later ones over the former."""
    result: dict[str, Any] = {}
    for edit in edits:
        for name, value in edit.items():
            both = isinstance(value, dict) and isinstance(result.get(name), dict)
            result[name] = merged(result[name], value) if both else value
    return result
