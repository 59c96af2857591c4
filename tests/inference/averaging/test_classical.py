"""What the benchmark of stacks measures the product against: good where there is little noise."""

import numpy as np
import pytest

from benchmarks.stacks import classical
from benchmarks.stacks.__main__ import errors
from benchmarks.stacks.particles import Case, conformations, particles, random_case

CASE = Case("clear", shape="elongated", snr=20.0)


@pytest.fixture(scope="module")
def stack():
    return particles(CASE, count=60, seed=1)


def registered(stack):
    pytest.importorskip("skimage", reason="scikit-image comes with the extra benchmark")
    from benchmarks.stacks.registration import registration

    return registration(stack.images, CASE)


METHODS = {
    "bound": classical.true_templates,
    "em": lambda stack: classical.expectation_maximisation(stack.images, CASE, classes=1, seed=0),
    "moments": lambda stack: classical.moments(stack.images, CASE),
    "registration": registered,
}


@pytest.mark.full_cases("em")
@pytest.mark.standard
@pytest.mark.parametrize("method", METHODS)
def test_clear_images_are_aligned(stack, method):
    figures = errors(stack, METHODS[method](stack))
    assert figures["median_deg"] < 3 and figures["within20"] > 0.95


def test_random_particles_stay_within_the_frame_and_depend_on_the_seed_alone():
    assert random_case(7) == random_case(7) != random_case(8)
    for seed in range(20):
        case = random_case(seed)
        ends = np.array([rod[:4] for rods in conformations(case.shape) for rod in rods])
        assert np.linalg.norm(ends.reshape(-1, 2), axis=1).max() < 0.751
        assert 1 <= len(conformations(case.shape)) <= 4 and case.size in (24, 48)
