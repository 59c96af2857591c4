"""A pose head fitted to a model that is trained already, and what it is good for."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.head_fitting import fit_head
from avae_jax.inference.proposals import head_training, template_bank
from avae_jax.inference.search import resolve
from avae_jax.models import wrap
from avae_jax.models.affine_model import AVAE
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform import inverse
from tests.support.single_object import blobs, drawing

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
OPTIONS = SearchOptions(
    starts=1, keep=1, steps=1, polish=0, prototypes=1, turns=12, learned=True, doubt=0.0
)


@functools.cache
def misled() -> tuple[AVAE, dict, np.ndarray]:
    """A model whose only prototype is a spot in the middle: its bank knows no rotation.

    It explains what it sees near the canonical pose by the object, and else by the spot.
    """
    image = blobs((12, 12))
    avae, _ = drawing(image, "rotation")
    spot = 0.3 * np.exp(-np.add.outer(*[np.linspace(-2, 2, 12) ** 2] * 2))[..., None]

    def encode(params, x):
        alike = jnp.exp(-((x - params["image"]) ** 2).sum() / 4)
        return jnp.stack([alike, alike * 0]), jnp.zeros(2)

    def decode(params, z):
        return z[0] * params["image"] + (1 - z[0]) * params["spot"]

    params = {"image": jnp.asarray(image), "spot": jnp.asarray(spot, jnp.float32)}
    return avae._replace(model=wrap(encode, decode)), params, image


@pytest.mark.parametrize(
    "edits", [{"learned": False}, {"kind": "random", "learned": False}], ids=str
)
def test_fit_head_refuses_a_search_without_head(edits):
    """A search that learns nothing is refused."""
    avae, params, image = misled()
    options = resolve(SearchOptions(**{"learned": True} | edits), avae.group)
    with pytest.raises(ValueError, match=r"search\.learned=False: wanted"):
        fit_head(params, jnp.zeros((1, 2)), image[None], avae=avae, options=options, visits=1)


@pytest.mark.full
def test_fit_head_proposes_better_than_the_bank():
    """One start an example: nearer to what was applied, and at a lower loss."""
    avae, params, image = misled()
    options, met = resolve(OPTIONS, avae.group), jnp.zeros((1, 2))
    said = []
    head = fit_head(
        params,
        met,
        np.repeat(image[None], 32, 0),
        avae=avae,
        options=options,
        visits=128,
        passes=60,
        progress=lambda *told: said.append(told),
    )
    # Each of these in its turn, up to its end.
    assert [told[0] for told in said] == sorted((told[0] for told in said), reverse=True)
    assert all(1 <= done <= total for _, done, total in said)
    assert said[-1][1] == said[-1][2] == 60

    keys = jax.random.split(jax.random.key(9), 16)
    turn = jax.jit(functools.partial(pose_batch, avae=avae))
    x, applied = turn(keys, jnp.tile(jnp.asarray(image)[None], (16, 1, 1, 1)))
    built = jax.jit(functools.partial(build_bank, avae=avae, options=options))(params, met)
    blank = head_training.init(jax.random.key(0), avae=avae, options=options)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    rank = jax.jit(jax.vmap(functools.partial(template_bank.score_templates, avae=avae), (None, 0)))
    entropy = jax.jit(
        jax.vmap(functools.partial(head_training.loss, avae=avae), (None, None, 0, 0))
    )
    before, after = (
        (
            find(params, keys, x, bank=built._replace(head=one)).loss.mean(),
            entropy(one, built, x, inverse(applied)).mean(),
        )
        for one in (blank.params, head.params)
    )
    assert after[0] < before[0] - 1
    assert after[1] < 0.8 * before[1]
    likely = rank(built._replace(head=head.params), x)
    best = np.asarray(likely.poses)[np.arange(16), likely.logits.argmax(1)]
    cosine = (best @ applied)[:, :2, :2].trace(axis1=1, axis2=2) / 2
    assert (np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 45).mean() > 0.8
