"""Resampling: its forms are one function, in value and in derivative."""

import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from avae_jax.transform import resample
from avae_jax.transform.resample import gather, product, sample

SHAPES = [(6, 7), (4, 5, 6)]
KERNELS = ["linear", "cubic"]
FORMS = [gather, product]


def problem(shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Image, index and fill: points inside, on pixels, near the border, on it and far outside."""
    rng, sides = np.random.default_rng(0), np.array(shape)
    image, fill = rng.random((*shape, 2)), rng.random(2)
    within = rng.uniform(0, sides - 1, (40, len(shape)))
    around = rng.uniform(-3, sides + 2, (60, len(shape)))
    pixels = rng.integers(-3, sides + 3, (20, len(shape)))
    corners = [np.zeros(len(shape)), sides - 1.0, -np.ones(len(shape)), 1.0 * sides]
    index = np.concatenate([within, around, pixels, corners, np.full((1, len(shape)), 1e6)])
    return tuple(jnp.asarray(x, jnp.float32) for x in (image, index.reshape(5, 25, -1), fill))


def derivatives(form, interpolation: str, primals, tangents, cotangent):
    """Value, `jvp` in each argument, and `vjp`."""
    form = functools.partial(form, interpolation=interpolation)
    value, pull_back = jax.vjp(form, *primals)
    tangent_of = []
    for n, tangent in enumerate(tangents):
        one = lambda x, n=n: form(*primals[:n], x, *primals[n + 1 :])  # noqa: E731
        tangent_of.append(jax.jvp(one, (primals[n],), (tangent,))[1])
    return value, tangent_of, jax.jvp(form, primals, tangents)[1], pull_back(cotangent)


def compare(shape: tuple[int, ...], interpolation: str) -> None:
    primals, rng = problem(shape), np.random.default_rng(1)
    tangents = tuple(jnp.asarray(rng.normal(size=p.shape), jnp.float32) for p in primals)
    cotangent = jnp.asarray(rng.normal(size=(5, 25, 2)), jnp.float32)
    run = jax.jit(derivatives, static_argnums=(0, 1))
    found = [run(form, interpolation, primals, tangents, cotangent) for form in FORMS]
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        assert jnp.isfinite(one).all()
        np.testing.assert_allclose(one, other, atol=1e-5 * max(1.0, float(jnp.abs(one).max())))


@pytest.mark.parametrize("interpolation", KERNELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_forms_agree_in_value_and_derivative(shape, interpolation):
    compare(shape, interpolation)


@pytest.mark.parametrize("shape", SHAPES)
def test_forms_agree_where_the_product_goes_in_blocks(shape, monkeypatch):
    monkeypatch.setattr(resample, "LARGEST", 700)
    compare(shape, "linear")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("interpolation", KERNELS)
def test_derivatives_are_those_of_the_value(form, interpolation):
    """Forward and reverse, first and second, against differences between pixels."""
    image, _, fill = problem((6, 7))
    index = jnp.float32([[1.3, 2.6], [-0.4, 3.3], [4.6, 6.4], [9.5, 1.5]])
    at = functools.partial(form, interpolation=interpolation)
    with jax.numpy_dtype_promotion("standard"):
        check_grads(at, (image, index, fill), order=2, atol=2e-2, rtol=2e-2, eps=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_forms_vectorise_over_images_and_directions(form):
    """As the search uses them: a Jacobian inside a `vmap` inside a `scan`."""
    image, index, fill = problem((6, 7))
    images = jnp.stack([image, 1 - image])

    def jacobian(image):
        return jax.jacfwd(lambda shift: form(image, index + shift[None, None], fill).sum())(
            jnp.zeros(2)
        )

    alone = jnp.stack([jacobian(image) for image in images])
    _, found = jax.jit(lambda i: jax.lax.scan(lambda c, x: (c, jax.vmap(jacobian)(x)), 0, i))(
        images[None]
    )
    np.testing.assert_allclose(found[0], alone, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "platform", "product_used"),
    [((6, 7), "tpu", True), ((6, 7), "cpu", False), ((6, 7), "cuda", False), ((33,) * 3, "tpu", 0)],
)
def test_the_form_is_chosen_by_platform_and_size(shape, platform, product_used):
    """Of the two, only the product multiplies matrices."""
    index = jnp.zeros((4, len(shape)))
    arguments = jnp.zeros((*shape, 1)), index, jnp.zeros(1)
    text = jax.export.export(jax.jit(sample), platforms=[platform])(*arguments).mlir_module()
    assert ("stablehlo.dot_general" in text) == bool(product_used)
    assert ("stablehlo.gather" in text) != bool(product_used)
