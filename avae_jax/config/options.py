"""The only list of options: names, defaults, meaning and rules.

Every field of a config is declared once, in a frozen, hashable dataclass, here or in
`data_options`. `config.files` converts these classes to a `ConfigDict` and back.
"""

import dataclasses
from typing import Any

from avae_jax.config import choices
from avae_jax.config.data_options import DataOptions, RangeOptions
from avae_jax.config.fields import Choosing, option

# Choices without a table of their own; `choices` names the tables.
CHECKPOINTS = ("last", "best")
START_KINDS = ("bank", "even", "random", "right_angles")
METHODS = ("line", "register", "gauss_newton", "adam")
SCHEDULES = ("constant", "cosine")
# Earlier names of choices, which are still accepted.
RENAMED = {"source": "original"}


@dataclasses.dataclass(frozen=True)
class ModelOptions(Choosing):
    """The variational autoencoder.

    >>> import avae_jax
    >>> avae_jax.ModelOptions(latent=4, hidden=[256, 256]).hidden
    (256, 256)
    """

    name: str = option(
        "dense",
        "network; original is the network of the original work",
        choices=choices.NETWORKS,
        renamed=RENAMED,
    )
    latent: int = option(8, "latent size Z", low=1)
    hidden: tuple[int, ...] = option((512, 512), "widths of the dense layers", low=1)
    channels: tuple[int, ...] = option(
        (32, 64), "channels of the stages of conv and patches, each halving the size", low=1
    )
    kernel: int = option(3, "kernel side of the convolutions", low=1, high=15)
    likelihood: str = option("bernoulli", "likelihood of a pixel", choices=choices.LIKELIHOODS)
    sigma: float = option(
        0.1, "standard deviation of the Gaussian likelihood, or its start if learned", above=0.0
    )
    interpolation: str = option("linear", "resampling of images", choices=("linear", "cubic"))
    dtype: str = option(
        "float32", "type of activations; weights, losses: float32", choices=("float32", "bfloat16")
    )


@dataclasses.dataclass(frozen=True)
class SearchOptions(Choosing):
    """The search over poses. `None` takes the value of the preset.

    >>> import avae_jax
    >>> avae_jax.SearchOptions(preset="thorough", keep=4).keep
    4
    """

    preset: str = option(
        "fast",
        "sets the fields below that are none; original is the recipe of the original work",
        choices=choices.PRESETS,
        renamed=RENAMED,
    )
    kind: str | None = option(
        None, "starts: bank (posed prototypes), even, random or right_angles", choices=START_KINDS
    )
    starts: int | None = option(None, "starts R scored per example", low=1)
    keep: int | None = option(None, "candidates K refined per example", low=1)
    steps: int | None = option(None, "refinement steps T", low=0)
    method: str | None = option(
        None,
        "line (no derivatives, one parameter), register (frozen latent code, halving), "
        "gauss_newton or adam",
        choices=METHODS,
    )
    polish: int | None = option(
        None, "Gauss-Newton steps after registration, or parabola steps of a line search", low=0
    )
    margin: float | None = option(
        None, "line search: candidates more than this many nats above the best are dropped", low=0.0
    )
    prototypes: int | None = option(None, "prototypes K of the bank", low=1)
    learned: bool | None = option(
        None, "a pose head, trained on the results of the search, helps the bank to propose starts"
    )
    visits: int = option(
        24_000, "poses searched to fit the pose head of a model trained without search", low=1
    )
    doubt: float | None = option(
        None,
        "scoring of starts ends once the bank and its pose head give at most this probability to "
        "poses far from all scored starts; 0 scores every start",
        low=0.0,
        high=1.0,
    )
    every: int = option(
        1,
        "training on examples that keep their poses (data.pose=as_is): updates between two "
        "searches; in between an example takes the pose of its last visit, moved on by a step",
        low=1,
    )
    turns: int | None = option(None, "rotations of each prototype in the bank", low=1)
    learning_rate: float | None = option(None, "Adam step on alpha", above=0.0)
    distance: float | None = option(
        None, "smallest angle between kept starts, in degrees", low=0.0, high=180.0
    )
    unroll: bool = option(False, "unroll the refinement loop")
    chunk: int | None = option(
        None, "largest number of (example, pose) pairs at once; none: by the device", low=1
    )


@dataclasses.dataclass(frozen=True)
class TrainOptions(Choosing):
    """Updates of the weights.

    >>> import avae_jax
    >>> avae_jax.TrainOptions(steps=300).steps
    300
    """

    search: bool = option(True, "search the pose of every training example before each update")
    synchronised: int = option(
        200,
        "first updates, which take poses from examples registered with one another and not from "
        "the search; 0 searches from the start",
        low=0,
    )
    steps: int = option(1000, "weight updates", low=0)
    batch_size: int = option(128, "examples per update", low=1)
    learning_rate: float = option(2e-3, "peak learning rate of Adam", above=0.0)
    schedule: str = option("cosine", "learning-rate schedule", choices=SCHEDULES)
    warmup: int = option(50, "updates of linear warm-up", low=0)
    clip: float = option(100.0, "largest global norm of the gradient of the mean loss", above=0.0)


@dataclasses.dataclass(frozen=True)
class EvalOptions(Choosing):
    """Evaluation on held-out examples.

    >>> import avae_jax
    >>> avae_jax.EvalOptions(examples=100, explored=False).examples
    100
    """

    checkpoint: str = option(
        "last", "evaluated weights: the last, or the best by training loss", choices=CHECKPOINTS
    )
    examples: int = option(500, "test examples evaluated", low=1)
    batch_size: int = option(64, "examples per call", low=1)
    curve_points: int = option(24, "poses on the loss-against-angle curve", low=2)
    curve_examples: int = option(64, "test examples averaged on that curve", low=1)
    marginal_examples: int = option(
        256,
        "test examples whose marginal likelihood is bounded and whose pose posterior is checked; "
        "0 leaves both out",
        low=0,
    )
    marginal_samples: int = option(128, "poses and codes drawn for each of them", low=1)
    explored: bool = option(True, "interactive parts of the report")


@dataclasses.dataclass(frozen=True)
class LogOptions(Choosing):
    """Files written during training, and their intervals.

    >>> import avae_jax
    >>> avae_jax.LogOptions(writers="csv,wandb").writers
    ('csv', 'wandb')
    """

    every: int = option(10, "updates between lines of metrics.jsonl", low=1, high=10)
    checkpoint_every: int = option(200, "updates between checkpoints", low=1)
    keep_checkpoints: int = option(2, "checkpoints kept", low=1)
    moments: int = option(6, "snapshots of the found poses during training", low=0)
    moment_examples: int = option(256, "test examples searched for each snapshot", low=1)
    writers: tuple[str, ...] | None = option(
        ("tensorboard",), "what metrics and pictures are written to", choices=choices.WRITERS
    )


@dataclasses.dataclass(frozen=True)
class Options(Choosing):
    """A whole experiment.

    >>> import avae_jax
    >>> options = avae_jax.Options(family="rigid", train=avae_jax.TrainOptions(steps=300))
    >>> options.train.batch_size
    128
    """

    data: DataOptions = DataOptions()
    family: str = option("rotation", f"{', '.join(choices.FAMILIES)}, or generators joined by +")
    ranges: RangeOptions = RangeOptions()
    model: ModelOptions = ModelOptions()
    search: SearchOptions = SearchOptions()
    train: TrainOptions = TrainOptions()
    eval: EvalOptions = EvalOptions()
    log: LogOptions = LogOptions()
    seed: int = option(0, "seed of everything random", low=0, high=2**31 - 1)

    @property
    def one_pose(self) -> bool:
        """Whether the original objects share one pose; unknown with search and `as_is`."""
        return self.data.pose == "random" or not self.train.search


# Fields that a second start in the same work directory may change.
MAY_CHANGE = ("train.steps", "eval.", "log.", "search.chunk", "search.unroll")


def fields() -> dict[str, dataclasses.Field]:
    """Every field by its full name (`data.size`), in the order of the classes."""
    named: dict[str, dataclasses.Field] = {}
    for field in dataclasses.fields(Options):
        if dataclasses.is_dataclass(field.type):
            inner = dataclasses.fields(field.type)
            named |= {f"{field.name}.{part.name}": part for part in inner}
        else:
            named[field.name] = field
    return named


def values(options: Options) -> dict[str, Any]:
    """The value of every field by its full name."""
    named = {}
    for name in fields():
        section, _, inner = name.rpartition(".")
        named[name] = getattr(getattr(options, section) if section else options, inner)
    return named
