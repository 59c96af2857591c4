"""Likelihoods against scipy's distributions and closed forms, in nats."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from avae_jax.models.likelihoods import (
    EPS,
    LIKELIHOODS,
    bernoulli_nll,
    gaussian_kl,
    gaussian_nll,
)

SHAPE = (4, 5, 2)
RANDOM = np.random.default_rng(0)
# One program each for all pixels of `SHAPE`, and for a handful.
BERNOULLI, GAUSSIAN, KL = jax.jit(bernoulli_nll), jax.jit(gaussian_nll), jax.jit(gaussian_kl)
SLOPE = jax.jit(jax.grad(bernoulli_nll, 1))


def test_bernoulli_nll_agrees_with_scipy():
    """Bernoulli agrees with scipy on binary pixels."""
    x, p = RANDOM.integers(0, 2, SHAPE), RANDOM.random(SHAPE)
    expected = -scipy.stats.bernoulli(EPS + (1 - 2 * EPS) * p).logpmf(x).sum()
    found = BERNOULLI(np.float32(x), np.float32(p))
    assert found == pytest.approx(expected, rel=1e-5)


def test_bernoulli_nll_lowest_at_the_pixel():
    """Bernoulli of grey pixels is lowest at the pixel itself."""
    x = np.float32(RANDOM.uniform(0.1, 0.9, SHAPE))
    # The slope vanishes where p, pulled in by EPS, equals x.
    slope = SLOPE(x, np.float32((x - EPS) / (1 - 2 * EPS)))
    np.testing.assert_allclose(slope, np.zeros(SHAPE), atol=1e-4)
    assert BERNOULLI(x, x) < BERNOULLI(x, x + np.float32(0.05))


def test_bernoulli_nll_finite_where_certain_and_wrong():
    """Bernoulli stays finite where it is certain and wrong."""
    x = np.float32([0, 1, 0, 1])
    p = np.float32([1, 0, 1.2, -0.2])
    assert BERNOULLI(x, p) == pytest.approx(-4 * np.log(EPS), rel=1e-4)
    assert np.isfinite(SLOPE(x, p)).all()
    assert BERNOULLI(x, x) == pytest.approx(4 * EPS, rel=1e-2)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_gaussian_nll_agrees_with_scipy(sigma):
    x, mean = RANDOM.normal(size=(2, *SHAPE))
    expected = -scipy.stats.norm(mean, sigma).logpdf(x).sum()
    found = GAUSSIAN(np.float32(x), np.float32(mean), np.float32(np.log(sigma)))
    assert found == pytest.approx(expected, rel=1e-5)


def test_gaussian_kl_agrees_with_its_integral():
    mu, logvar = RANDOM.normal(size=(2, 3))
    z = np.linspace(-12, 12, 20001)
    total = 0.0
    for m, v in zip(mu, logvar, strict=True):
        q = scipy.stats.norm(m, np.exp(v / 2))
        total += scipy.integrate.trapezoid(q.pdf(z) * (q.logpdf(z) - scipy.stats.norm.logpdf(z)), z)
    assert KL(np.float32(mu), np.float32(logvar)) == pytest.approx(total, rel=1e-4)
    assert KL(np.zeros(5, np.float32), np.zeros(5, np.float32)) == 0


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_templates_score_as_the_likelihood(name):
    """Between two templates the scores differ as the log-likelihoods do."""
    likelihood, random = LIKELIHOODS[name], np.random.default_rng(1)
    x, means = np.float32(random.random(5)), np.float32(random.random((2, 3, 5)))

    @jax.jit
    def scored(x, means):
        rows, offsets = likelihood.templates(means)
        scores = ((rows * x[None, None]).sum(-1) + offsets).ravel()
        losses = jax.vmap(lambda mean: likelihood.nll(x, mean, jnp.float32(0)))
        return scores, losses(means.reshape(6, 5)), likelihood.pixel_offsets(rows).sum(-1), offsets

    scores, losses, pixel_offsets, offsets = map(np.asarray, scored(x, means))
    np.testing.assert_allclose(scores - scores[0], losses[0] - losses, atol=1e-4)
    np.testing.assert_allclose(pixel_offsets, offsets, rtol=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_mean_of_a_decoder_is_in_the_interval(name):
    out = np.float32([-20, -1, 0, 1, 20])
    mean, interval = LIKELIHOODS[name].activation(out), LIKELIHOODS[name].interval
    mean = np.asarray(mean)
    if name == "bernoulli":
        assert interval == (0, 1) and mean.min() < 1e-6 and mean.max() > 1 - 1e-6
    else:
        assert interval is None and (mean == out).all()


@pytest.mark.standard
def test_pixels_of_no_weight_do_not_count():
    x, mean, weight = jnp.float32([0.1, 0.9]), jnp.float32([0.3, 0.4]), jnp.float32([1, 0])
    for likelihood in LIKELIHOODS.values():
        found = likelihood.nll(x, mean, jnp.float32(0.5), weight=weight)
        one = likelihood.nll(x[:1], mean[:1], jnp.float32(0.5))
        assert float(found) == pytest.approx(float(one), rel=1e-6)
