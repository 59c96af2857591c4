"""Small matrices against numpy and scipy, and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from avae_jax.transform.matrices import (
    Factors,
    affine,
    compose,
    determinant,
    exponential,
    factorise,
    identity,
    inverse,
    matmul,
    plane_rotation,
    rotation_angle,
)

pytestmark = pytest.mark.parametrize("d", [2, 3])


@jax.jit
def composed_and_back(factors: Factors) -> Factors:
    return factorise(compose(factors))


def random_factors(d: int, count: int, *, mirrored: bool = False) -> Factors:
    random = np.random.default_rng(d)
    rotation = np.linalg.qr(random.normal(size=(count, d, d)))[0]
    rotation[..., 0] *= np.linalg.det(rotation)[:, None]
    scale = np.exp(random.uniform(-1, 1, (count, d)))
    scale[:, -1] *= -1 if mirrored else 1
    shear = random.uniform(-1, 1, (count, d * (d - 1) // 2))
    parts = random.uniform(-1, 1, (count, d)), rotation, shear, scale
    return Factors(*(part.astype(np.float32) for part in parts))


def test_matmul_is_the_matrix_product(d):
    a, b = np.random.default_rng(0).normal(size=(2, 5, d + 1, d + 1)).astype(np.float32)
    np.testing.assert_allclose(jax.jit(matmul)(a, b), a @ b, atol=1e-6)


@pytest.mark.parametrize("norm", [1e-4, 1.0, 2 * np.pi])
def test_exponential_agrees_with_scipy(d, norm):
    generators = np.random.default_rng(0).normal(size=(20, d + 1, d + 1))
    generators[:, -1] = 0
    generators *= norm / np.linalg.norm(generators, axis=(1, 2), keepdims=True)
    found = np.asarray(jax.jit(exponential)(np.float32(generators)))
    expected = scipy.linalg.expm(generators)
    size = np.abs(expected).max((1, 2), keepdims=True)
    np.testing.assert_allclose(found / size, expected / size, atol=1e-5)


@pytest.mark.parametrize("angle", [np.pi / 2, np.pi, 2 * np.pi])
def test_exponential_of_a_turn_agrees_with_scipy(d, angle):
    turn = np.zeros((d + 1, d + 1), np.float32)
    turn[1, 0], turn[0, 1] = angle, -angle
    np.testing.assert_allclose(jax.jit(exponential)(turn), scipy.linalg.expm(turn), atol=1e-5)


@pytest.mark.standard
@pytest.mark.parametrize("mirrored", [False, True])
def test_inverse_undoes_a_pose(d, mirrored):
    pose = compose(random_factors(d, 20, mirrored=mirrored))
    undone = matmul(inverse(pose), pose)
    np.testing.assert_allclose(undone, np.broadcast_to(identity(d), undone.shape), atol=1e-5)
    np.testing.assert_allclose(inverse(pose), np.linalg.inv(np.asarray(pose)), rtol=1e-4, atol=1e-4)


def test_determinant_agrees_with_numpy(d):
    linear = np.random.default_rng(0).normal(size=(20, d, d)).astype(np.float32)
    np.testing.assert_allclose(jax.jit(determinant)(linear), np.linalg.det(linear), atol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_factorise_undoes_compose(d, mirrored):
    """Factors survive composition."""
    factors = random_factors(d, 20, mirrored=mirrored)
    found = composed_and_back(factors)
    for name in Factors._fields:
        np.testing.assert_allclose(
            getattr(found, name), getattr(factors, name), atol=1e-5, err_msg=name
        )


def test_compose_undoes_factorise(d):
    """Any matrix, mirror images too, is the product of its factors."""
    linear = np.random.default_rng(0).normal(size=(20, d, d)).astype(np.float32)

    @jax.jit
    def factors_and_back(linear):
        pose = affine(linear, jnp.ones((20, d)))
        factors = factorise(pose)
        return pose, factors, compose(factors), determinant(factors.rotation)

    pose, factors, again, determinants = factors_and_back(linear)
    np.testing.assert_allclose(again, pose, atol=1e-5)
    np.testing.assert_allclose(determinants, np.ones(20), atol=1e-5)
    scale = np.asarray(factors.scale)
    assert (np.sign(scale[:, -1]) == np.sign(np.linalg.det(linear))).all()
    assert (scale[:, :-1] > 0).all()


def test_compose_order_of_factors(d):
    """shift . rotation . shear . scale, the scale first."""
    factors = jax.tree.map(lambda part: part[0], random_factors(d, 1))
    shear = np.eye(d)
    shear[np.triu_indices(d, 1)] = factors.shear
    expected = np.eye(d + 1)
    expected[:d, :d] = np.asarray(factors.rotation) @ shear @ np.diag(factors.scale)
    expected[:d, d] = factors.shift
    np.testing.assert_allclose(jax.jit(compose)(factors), expected, atol=1e-6)


def test_plane_rotation_from_first_to_second_axis(d):
    """Plane rotation goes from the first axis to the second."""
    turn = jax.jit(lambda angle: plane_rotation(angle, (0, d - 1), d))
    quarter = np.asarray(turn(np.float32(np.pi / 2)))
    np.testing.assert_allclose(quarter @ np.eye(d)[0], np.eye(d)[d - 1], atol=1e-6)


def test_rotation_angle_exact_from_nothing_to_half_a_turn(d):
    angles = np.array([0, 1e-5, 1e-3, 1.0, np.pi / 2, 3.0, np.pi], np.float32)
    found = jax.jit(lambda angles: rotation_angle(plane_rotation(angles, (0, 1), d)))(angles)
    found = np.asarray(found)
    np.testing.assert_allclose(found, angles, atol=1e-3, rtol=1e-3)
    np.testing.assert_allclose(found[:5], angles[:5], atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("lead", [(), (2, 4)])
def test_factors_keep_any_leading_axes(d, lead):
    factors = jax.eval_shape(factorise, np.zeros((*lead, d + 1, d + 1), np.float32))
    shapes = [(*lead, d), (*lead, d, d), (*lead, d * (d - 1) // 2), (*lead, d)]
    assert [factor.shape for factor in factors] == shapes
