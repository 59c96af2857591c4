"""Uses every public name the way a program does; a type checker reads it, nothing runs it.

The checker sees the types of arguments and of what comes back: `reveal` lines would be errors.
"""

import numpy as np

import avae_jax
from avae_jax import (
    AVAE,
    DataOptions,
    Draws,
    EvalOptions,
    Evidence,
    Factors,
    Family,
    Frame,
    InputError,
    Mixture,
    Model,
    ModelOptions,
    Options,
    Posed,
    Problem,
    RangeOptions,
    SearchOptions,
    SearchResult,
    Terms,
    Trained,
    TrainOptions,
    TrainState,
)


def transforms(key: avae_jax.Key, image: avae_jax.Array, fill: avae_jax.Array) -> avae_jax.Array: ...
