"""Local coordinates, the measure of poses, the prior as a probability, and mixtures."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.transform import family, retract
from avae_jax.transform.mixture import (
    Mixture,
    hpd_level,
    log_density,
    transport_uniform,
    uniform_points,
)
from avae_jax.transform.prior_density import log_prior

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
FAMILIES = [("rotation", 2), ("rotation", 3), ("similarity", 2), ("affine", 2)]


@pytest.mark.full_cases("similarity-2")
@pytest.mark.parametrize(("name", "d"), FAMILIES)
def test_log_density_integrates_to_one(name, d):
    """E[prior / mixture] over draws of a mixture is the share of the prior that it covers.

    Wide in ranges that are narrow, so that the whole prior is covered: this also says that
    the volume of the prior is right.
    """
    ranges = RangeOptions(rotation=20.0, shift=0.1, scale=1.3, shear=0.2)
    group, size = family(name, d), family(name, d).size
    lengths = {"rotation": 0.22, "shift": 0.16, "scale": 0.2, "shear": 0.16}
    wide = jnp.diag(jnp.float32([lengths[name.split("_")[0]] for name in group.generators]))
    moved = retract(group, jnp.eye(d + 1), jnp.full(size, 0.02))
    mixture = Mixture(
        jnp.stack([jnp.eye(d + 1), moved]),
        jnp.stack([wide, 1.2 * wide]),
        jnp.log(jnp.float32([0.7, 0.3])),
    )

    def ratio(u: jax.Array) -> jax.Array:
        pose = transport_uniform(mixture, u, group=group)
        return jnp.exp(log_prior(group, ranges, pose) - log_density(mixture, pose, group=group))

    found = np.asarray(
        jax.jit(jax.vmap(ratio))(uniform_points(jax.random.key(2), (20_000, size + 1)))
    )
    error = float(found.std()) / len(found) ** 0.5
    assert error < 0.1
    assert found.mean() == pytest.approx(1, abs=4 * error)


def test_level_of_a_normal_is_chi_squared():
    """A region of a normal is that of chi squared."""
    group, spread = family("rigid", 2), jnp.diag(jnp.float32([0.05, 0.02, 0.03]))
    normal = Mixture(jnp.eye(3)[None], spread[None], jnp.zeros(1))
    found = jax.jit(functools.partial(hpd_level, group=group, probability=0.9))
    top = jax.jit(functools.partial(log_density, group=group))(normal, jnp.eye(3))
    # The 90 % quantile of chi squared with three degrees of freedom is 6.25.
    assert top - found(jax.random.key(0), normal) == pytest.approx(6.25 / 2, abs=0.3)


def test_draw_takes_the_spread_as_the_root_of_the_covariance():
    """One deviation above the centre on the first axis and two below on the second."""
    group, spread = family("translation", 2), jnp.float32([[0.1, 0], [0.05, 0.2]])
    mixture = Mixture(jnp.eye(3)[None], spread[None], jnp.zeros(1))
    # The normal distribution function at 1 and at -2.
    u = jnp.float32([0.8413447, 0.0227501, 0.5])
    drawn = jax.jit(functools.partial(transport_uniform, group=group))(mixture, u)
    np.testing.assert_allclose(drawn, [[1, 0, 0.1], [0, 1, 0.05 - 0.4], [0, 0, 1]], atol=1e-4)


def test_draw_never_from_components_without_weight():
    """Components without weight are never drawn."""
    group = family("rotation", 2)
    centres = jax.vmap(lambda a: retract(group, jnp.eye(3), a))(jnp.float32([[0.0], [1.0], [2.0]]))
    weights = jnp.log(jnp.float32([0.0, 0.5, 0.5])).at[2].set(-jnp.inf)
    mixture = Mixture(centres, jnp.full((3, 1, 1), 1e-3), jax.nn.log_softmax(weights))
    u = (
        uniform_points(jax.random.key(0), (100, 2))
        .at[:3, 1]
        .set(jnp.float32([1e-7, 1 - 1e-7, 0.5]))
    )
    drawn = jax.jit(jax.vmap(functools.partial(transport_uniform, mixture, group=group)))(u)
    np.testing.assert_allclose(drawn, jnp.broadcast_to(centres[1], drawn.shape), atol=0.01)
