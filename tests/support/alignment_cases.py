"""Stacks of one object in known poses, a model that draws it, and the table of its alignment."""

import csv
import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import DataOptions, EvalOptions, Options, SearchOptions
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained
from avae_jax.transform.frame import coordinates, frame
from avae_jax.transform.matrices import affine, plane_rotation
from avae_jax.transform.warp import warp
from tests.support.single_object import blobs, drawing


def turn(degrees, d=2, axes=(0, 1), shift=None):
    linear = plane_rotation(jnp.radians(jnp.float32(degrees)), axes, d)
    return affine(linear, jnp.zeros(d) if shift is None else jnp.float32(shift))


@functools.cache
def knowing(shape, name="rotation"):
    """A model that knows one object, and the search it uses."""
    image = blobs(shape)
    avae, params = drawing(image, name)
    search = resolve(SearchOptions(kind="even", starts=24, keep=2), avae.group)
    return Trained(params, avae, search, None, np.zeros((4, 2), np.float32)), image


def posed(image, poses):
    inner = frame(image.shape[:-1])
    move = jax.vmap(
        lambda pose: warp(image, pose, np.zeros(1, np.float32), source=inner, target=inner)
    )
    return np.asarray(move(jnp.stack(poses)))


def smooth(shape):
    """An object that linear interpolation hardly changes, `[*S, 1]`."""
    points = coordinates(frame(shape))
    places = np.array([[0.2, 0.25], [-0.3, 0.05], [0.05, -0.3]])
    heights = (1.0, 0.7, 0.4)
    parts = [
        height * np.exp(-((points - place) ** 2).sum(-1) / (2 * 0.22**2))
        for place, height in zip(places, heights, strict=True)
    ]
    return np.float32(sum(parts)[..., None])


def options(**data):
    return Options(data=DataOptions(**data), eval=EvalOptions(batch_size=4))


def lines(folder):
    with open(folder / "poses.csv", newline="") as file:
        return list(csv.DictReader(file))


def numbers_of(folder, name):
    return np.array([float(line[name]) for line in lines(folder)])
