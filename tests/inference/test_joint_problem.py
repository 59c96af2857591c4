"""The problem of code and pose: exact where the model is linear and Gaussian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.inference.joint_problem import Place, joint_problem
from avae_jax.inference.problem import prepare
from avae_jax.inference.search import gauss_newton
from avae_jax.transform.frame import support
from tests.support.linear_gaussian import SIGMA, Z, avae_of, observations, turns, weights

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


@pytest.mark.standard
def test_problem_steps_reach_the_exact_code():
    """With the pose at its truth, the code of least loss solves the normal equations."""
    avae, params = avae_of(), weights()
    pose = turns([0.0])
    x = observations(pose, avae=avae)
    task = joint_problem(params, Z, avae=avae)
    seen = prepare(x[0], avae=avae)
    at = gauss_newton.linearise(task, seen, Place(jnp.zeros(Z), pose[0]))
    inside = np.asarray(support(avae.inner)).reshape(-1, 1) > 0
    directions = params["directions"] * inside
    precision = np.eye(Z) + directions.T @ directions / SIGMA**2
    np.testing.assert_allclose(at.curvature[:Z, :Z], precision, rtol=1e-3)
    np.testing.assert_allclose(
        -at.gradient[:Z],
        directions.T @ (np.asarray(x).reshape(-1) - params["mean"]) / SIGMA**2,
        rtol=1e-3,
        atol=1e-3,
    )


@pytest.mark.standard
def test_tangents_are_the_derivatives_of_the_prediction():
    """Along code and pose, as one derivative after the other gives them."""
    avae, params = avae_of(), weights()
    pose = turns([0.4])
    seen = prepare(observations(pose, avae=avae)[0], avae=avae)
    task = joint_problem(params, Z, avae=avae)
    place = Place(jnp.float32(np.linspace(-1, 1, Z)), pose[0])
    outputs, tangents = task.tangents(seen, place)

    def along(step):
        return task.predict(seen, task.retract(place, step))

    exact = jax.jacfwd(along)(jnp.zeros(task.size))
    for one, other in zip(tangents, exact, strict=True):
        np.testing.assert_allclose(np.moveaxis(one, 0, -1), other, atol=1e-4)
    np.testing.assert_allclose(outputs.mean, task.predict(seen, place).mean, atol=1e-6)
