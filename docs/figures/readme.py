"""Draws docs/figures/readme.png: digits as they come, aligned, and the landscape of the search.

python docs/figures/readme.py runs/digits
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

import avae_jax
from avae_jax import data
from avae_jax.transform import retract

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

# Labels of the digits in the rows, how many of each, and the digit of the landscape.
LABELS, EACH, SHOWN = (3, 4), 5, 1
COUNT = len(LABELS) * EACH


def turned_digits() -> np.ndarray:
    """Held-out digits, each at a random angle: `[COUNT, 24, 24, 1]`."""
    loaded = data.load(avae_jax.DataOptions(source="digits", size=24, scale=2.0), seed=0)
    first = np.concatenate([np.flatnonzero(loaded.test_labels == n)[:EACH] for n in LABELS])
    family = avae_jax.parse_family("rotation", 2)
    keys = jax.random.split(jax.random.key(3), COUNT)
    grid = avae_jax.make_frame((24, 24))

    def turn(key, x):
        pose = avae_jax.random_pose(key, family, avae_jax.RangeOptions())
        return avae_jax.warp(x, pose, jnp.zeros(1), source=grid, target=grid)

    return np.asarray(jax.vmap(turn)(keys, jnp.asarray(loaded.test[first])))


def landscape(posed: avae_jax.Posed, x: np.ndarray, found: np.ndarray):
    """Angles from the found pose in degrees, and the loss at each in nats."""
    trained, family = posed.trained, posed.trained.avae.group
    degrees = np.arange(-180.0, 181.0, 3.0)

    def loss(angle):
        pose = retract(family, jnp.asarray(found), angle[None])
        terms = avae_jax.elbo(trained.params, None, jnp.asarray(x), pose, avae=trained.avae)
        return terms.nll + terms.kl

    angles = jnp.asarray(np.radians(degrees), jnp.float32)
    return degrees, np.asarray(jax.jit(jax.vmap(loss))(angles))


def draw(workdir: str, file: Path) -> None:
    """The figure: two rows of digits, and one curve below them."""
    posed = avae_jax.Posed.load(workdir)
    x = turned_digits()
    found = posed.find(x)
    rows = {"as they come": x, "aligned": posed.canonicalise(x, poses=found.pose)}
    figure = plt.figure(figsize=(9, 4.1), layout="constrained")
    grid = figure.add_gridspec(3, COUNT, height_ratios=(1, 1, 1.9))
    for row, (title, images) in enumerate(rows.items()):
        for column, image in enumerate(images):
            axis = figure.add_subplot(grid[row, column])
            axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            if column == 0:
                axis.set_ylabel(title, fontsize=8)
    axis = figure.add_subplot(grid[2, :])
    axis.plot(*landscape(posed, x[SHOWN], found.pose[SHOWN]), color="tab:blue")
    axis.plot(0, found.loss[SHOWN], "o", color="tab:red", label="pose that the search found")
    axis.set(xlabel="rotation of one digit from the found pose, degrees", ylabel="loss, nats")
    axis.set_xticks(range(-180, 181, 60))
    axis.legend()
    figure.savefig(file, dpi=100)


if __name__ == "__main__":
    draw(sys.argv[1], Path(__file__).with_name("readme.png"))
