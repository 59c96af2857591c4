"""Task of an evaluation: held-out examples, a model and its options."""

from typing import NamedTuple

from avae_jax.config.options import Options, SearchOptions
from avae_jax.data import Dataset
from avae_jax.models.affine_model import AVAE


class Task(NamedTuple):
    """An evaluation, independent of how the model was trained.

    Attributes:
      options: of the evaluation, and the seed of its random numbers.
      dataset: its test examples are measured.
      search: the resolved search of evaluation, with enough candidates for the gap to the next
        optimum, as in an alignment.
    """

    options: Options
    dataset: Dataset
    avae: AVAE
    search: SearchOptions
