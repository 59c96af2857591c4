"""Resampling: its forms are one function, in value and in derivative."""

import functools
import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from avae_jax.core.platforms import portable
from avae_jax.transform import resample
from avae_jax.transform.resample import gather, product, sample

pytestmark = pytest.mark.standard
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


@pytest.mark.full_cases("shape1-cubic")
@pytest.mark.parametrize("interpolation", KERNELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sample_forms_agree_in_value_and_derivative(shape, interpolation):
    compare(shape, interpolation)


@pytest.mark.parametrize("shape", SHAPES)
def test_sample_forms_agree_where_the_product_goes_in_blocks(shape, monkeypatch):
    monkeypatch.setattr(resample, "LARGEST", 700)
    compare(shape, "linear")


@pytest.mark.quick
@pytest.mark.parametrize(("largest", "blocks"), [(6 * 125, []), (6 * 124, [63]), (2, [1])])
def test_product_takes_as_few_blocks_as_fit(largest, blocks, monkeypatch):
    """A point holds a number for every row; blocks of one size share the 125 points."""
    taken, map_in_blocks = [], jax.lax.map

    def spy(function, points, *, batch_size):
        taken.append(batch_size)
        return map_in_blocks(function, points, batch_size=batch_size)

    monkeypatch.setattr(resample, "LARGEST", largest)
    monkeypatch.setattr(jax.lax, "map", spy)
    # A new function each time: JAX remembers the shapes that it has traced.
    jax.eval_shape(functools.partial(product), *problem((6, 7)))
    assert taken == blocks


@pytest.mark.full_cases("cubic-gather", "cubic-product")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("interpolation", KERNELS)
def test_sample_derivatives_are_those_of_the_value(form, interpolation):
    """Forward and reverse, first and second, against differences between pixels."""
    image, _, fill = problem((6, 7))
    index = jnp.float32([[1.3, 2.6], [-0.4, 3.3], [4.6, 6.4], [9.5, 1.5]])
    at = jax.jit(functools.partial(form, interpolation=interpolation))
    with jax.numpy_dtype_promotion("standard"):
        check_grads(at, (image, index, fill), order=2, atol=2e-2, rtol=2e-2, eps=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_sample_forms_vectorise_over_images_and_directions(form):
    """As the search uses them: a Jacobian inside a `vmap` inside a `scan`."""
    image, index, fill = problem((6, 7))
    images = jnp.stack([image, 1 - image])

    def jacobian(image):
        return jax.jacfwd(lambda shift: form(image, index + shift[None, None], fill).sum())(
            jnp.zeros(2)
        )

    one = jax.jit(jacobian)
    alone = jnp.stack([one(image) for image in images])
    _, found = jax.jit(lambda i: jax.lax.scan(lambda c, x: (c, jax.vmap(jacobian)(x)), 0, i))(
        images[None]
    )
    np.testing.assert_allclose(found[0], alone, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "platform", "product_used"),
    [((6, 7), "tpu", True), ((6, 7), "cpu", False), ((6, 7), "cuda", False), ((33,) * 3, "tpu", 0)],
)
def test_sample_form_chosen_by_platform_and_size(shape, platform, product_used):
    """Of the two, only the product multiplies matrices."""
    index = jnp.zeros((4, len(shape)))
    arguments = jnp.zeros((*shape, 1)), index, jnp.zeros(1)
    with portable():
        text = jax.export.export(jax.jit(sample), platforms=[platform])(*arguments).mlir_module()
    assert ("stablehlo.dot_general" in text) == bool(product_used)
    assert ("stablehlo.gather" in text) != bool(product_used)


samples = jax.jit(sample, static_argnames="interpolation")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize("shape", [(9, 10), (8, 9, 8)])
def test_sample_cubic_reproduces_quadratics(shape):
    """Cubic interpolation reproduces quadratics."""
    d = len(shape)
    random = np.random.default_rng(0)
    bend, slope = random.normal(size=(d, d)), random.normal(size=d)

    def quadratic(index: np.ndarray) -> np.ndarray:
        return np.einsum("...i,ij,...j->...", index, bend, index) / 50 + index @ slope / 10

    image = quadratic(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1))
    inside = random.uniform(1, np.array(shape) - 2, (100, d)).astype(np.float32)
    found = samples(
        jnp.asarray(image[..., None], jnp.float32), inside, jnp.zeros(1), interpolation="cubic"
    )
    np.testing.assert_allclose(found[:, 0], quadratic(inside), atol=1e-5)


def test_sample_outside_is_fill():
    """What is outside is fill."""
    image, fill = noise(5, 6, 2), jnp.float32([0.3, -2])
    index = jnp.float32([[-2, 1], [1, 7], [7, 7], [1e20, 0], [2, -1e9]])
    for interpolation in ("linear", "cubic"):
        found = samples(image, index, fill, interpolation=interpolation)
        np.testing.assert_array_equal(found, np.tile(fill, (5, 1)))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_sample_border_without_a_jump(interpolation):
    """The border is approached without a jump."""
    image = 1 + noise(5, 5, 1)
    across = jnp.linspace(-3, 8, 2201)
    index = jnp.stack([across, jnp.full_like(across, 1.3)], -1)
    found = samples(image, index, jnp.zeros(1), interpolation=interpolation)[:, 0]
    assert np.abs(np.diff(found)).max() < 3 * 0.005


@pytest.mark.parametrize(
    ("shape", "interpolation"), [((4, 5), "linear"), ((4, 5), "cubic"), ((3, 4, 3), "linear")]
)
def test_sample_derivatives_agree_with_differences(shape, interpolation):
    d = len(shape)
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        whole = random.integers(-2, 6, (12, d))
        index = jnp.asarray(whole + random.uniform(0.1, 0.9, (12, d)))
        image, fill = jnp.asarray(noise(*shape, 2), jnp.float64), jnp.array([0.2, 0.7])
        function = jax.jit(functools.partial(sample, interpolation=interpolation))
        check_grads(function, (image, index, fill), order=1, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_sample_derivatives_finite_at_kinks(interpolation):
    """Derivatives are finite where interpolation has kinks."""
    image = noise(4, 5, 1)
    kinks = [-1e9, -2, -1, 0, 1, 2, 3, 4, 5, 6, 1e9]
    index = jnp.float32(list(itertools.product(kinks, kinks)))

    def total(image: jax.Array, index: jax.Array, fill: jax.Array) -> jax.Array:
        return (sample(image, index, fill, interpolation=interpolation) ** 2).sum()

    gradients = jax.jit(jax.grad(total, (0, 1, 2)))(image, index, jnp.ones(1))
    assert all(np.isfinite(part).all() for part in gradients)
