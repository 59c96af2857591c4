"""Landscapes of matrices for tests of the search: known in closed form, without images."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions, SearchOptions
from avae_jax.inference.search import Problem, SearchResult, resolve, search, starts
from avae_jax.inference.search.batching import over_pairs
from avae_jax.transform import family, inverse, random_pose, retract
from avae_jax.transform.matrices import matmul, rotation_angle

BATCH = 6
POWERS = {2: 5, 3: 3}
# How much of a move the explanation follows, as decoded objects do: held, the loss then
# looks about twice as curved as it is.
FOLLOWS = 0.4


def power(matrix: jax.Array, times: int) -> jax.Array:
    return functools.reduce(matmul, [matrix] * times)


@functools.cache
def many_minima(name: str, d: int, *, held: bool = False) -> Problem:
    """Least squares with one global minimum, 0 at `datum["pose"]`, among local ones.

    The outputs are the pose and a power of what it is off by. Where the first row
    of the pose passes `datum["limit"]`, the loss is `datum["beyond"]`; `datum["weight"]` 0
    makes all poses alike. With `held` there is an explanation: what the pose is off by,
    which takes its share from the power.
    """
    group, times = family(name, d), POWERS[d]

    def explain(datum: dict, pose: jax.Array) -> jax.Array:
        off = matmul(inverse(datum["pose"]), pose) - jnp.eye(d + 1)
        return FOLLOWS * times * held * off * datum["weight"]

    def place(datum: dict, seen: jax.Array, pose: jax.Array) -> tuple[jax.Array, jax.Array]:
        apart = matmul(inverse(datum["pose"]), pose)
        return pose * datum["weight"], power(apart * datum["weight"], times) - seen

    def predict(datum: dict, pose: jax.Array) -> tuple[jax.Array, jax.Array]:
        return place(datum, explain(datum, pose), pose)

    def loss(datum: dict, outputs: tuple[jax.Array, jax.Array]) -> jax.Array:
        target = datum["pose"], jnp.eye(d + 1)
        away = [
            ((a - b * datum["weight"]) ** 2).sum() for a, b in zip(outputs, target, strict=True)
        ]
        value = away[0] / 2 + away[1] / 4
        return jnp.where(outputs[0][0, 1] > datum["limit"], datum["beyond"], value)

    def hold(datum: dict, pose: jax.Array):
        return functools.partial(place, datum, explain(datum, pose))

    move = functools.partial(retract, group)
    return Problem(predict, loss, move, group.size, hold if held else None)


@functools.cache
def poses_of(name: str, d: int) -> jax.Array:
    keys = jax.random.split(jax.random.key(7), BATCH)
    return jax.jit(jax.vmap(lambda key: random_pose(key, family(name, d), RangeOptions())))(keys)


def dataset(name: str, d: int, **changes) -> dict[str, jax.Array]:
    """`BATCH` poses to be found, and no trouble unless in `changes`."""
    single = {"limit": 9.0, "beyond": 0.0, "weight": 1.0} | changes
    return {"pose": poses_of(name, d)} | {
        key: jnp.full(BATCH, value) for key, value in single.items()
    }


@functools.cache
def begin(name: str, d: int, kind: str, count: int) -> jax.Array:
    group, keys = family(name, d), jax.random.split(jax.random.key(8), BATCH)
    make = functools.partial(starts, group=group, ranges=RangeOptions(), kind=kind, count=count)
    return jax.jit(jax.vmap(make))(keys)


@functools.cache
def compiled(problem: Problem, options: SearchOptions):
    return jax.jit(functools.partial(search, problem, options=options))


def run(problem: Problem, data: dict, begun: jax.Array, **options) -> SearchResult:
    d = begun.shape[-1] - 1
    full = resolve(SearchOptions(starts=begun.shape[1], **options), family("rotation", d))
    return compiled(problem, full)(data, begun)


@functools.partial(jax.jit, static_argnames=("problem", "chunk"))
def losses_at(problem: Problem, data: dict, poses: jax.Array, chunk: int | None = None):
    return over_pairs(problem.value, data, poses, chunk=chunk)


def degrees(poses: jax.Array, data: dict) -> np.ndarray:
    """Angles between the poses found and those looked for."""
    return np.degrees(rotation_angle(matmul(inverse(data["pose"]), poses)[:, :-1, :-1]))


METHODS = {
    "line": {"method": "line", "keep": 2, "steps": 3, "polish": 6, "margin": 1.0},
    "register": {"method": "register", "keep": 4, "steps": 4, "polish": 1},
    "gauss_newton": {"method": "gauss_newton", "keep": 2, "steps": 4},
    "adam": {"preset": "original"},
}


def settled(method: str) -> tuple[Problem, dict, jax.Array, dict]:
    """The problem, data, starts and options that many tests share, and so their program."""
    begun = begin("rotation", 2, "random" if method == "adam" else "even", 32)
    problem = many_minima("rotation", 2, held=method == "register")
    return problem, dataset("rotation", 2), begun, METHODS[method]
