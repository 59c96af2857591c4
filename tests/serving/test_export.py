"""Tests of `avae_jax.serving.export`."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.core.errors import InputError
from tests.support import tiny_vae
from tests.support.wrapped_vae import host_functions, upright, wrap

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.fixture(scope="module")
def posed(for_an_optimiser):
    return wrap()


SERVE = """
import sys
import jax, jax.export, numpy as np
folder = sys.argv[1]
with open(folder + "/posed.bin", "rb") as file:
    program = jax.export.deserialize(bytearray(file.read()))
found = program.call(np.load(folder + "/x.npy"))
assert set(program.platforms) == {"cpu", "cuda", "tpu"}
assert not any(name.split(".")[0] in ("avae_jax", "flax", "optax") for name in sys.modules)
np.savez(folder + "/found.npz", **found)
"""


@pytest.mark.full
def test_export_runs_without_the_package(posed, tmp_path):
    """The exported search runs where the package is not."""
    # Any number of them: not one that is a multiple of those worked at once.
    x = upright()[:6]
    np.save(tmp_path / "x.npy", x)
    avae_jax.export(posed, tmp_path / "posed.bin")
    quick = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    called = [sys.executable, "-c", SERVE, str(tmp_path)]
    subprocess.run(called, cwd=tmp_path, env=quick, check=True)
    with np.load(tmp_path / "found.npz") as file:
        served = dict(file)
    found = posed.find(x)
    np.testing.assert_allclose(served["pose"], found.pose, atol=1e-3)
    np.testing.assert_allclose(served["loss"], found.loss, rtol=1e-4)
    np.testing.assert_allclose(served["canonical_input"], posed.canonicalise(x), atol=1e-2)
    assert served["canonical_object"].shape == x.shape
    with pytest.raises(InputError, match="posed.bin: exists already"):
        avae_jax.export(posed, tmp_path / "posed.bin")


def test_export_of_one_batch_size_takes_no_other(posed, tmp_path):
    """A program for one number of examples takes no other."""
    avae_jax.export(posed, tmp_path / "posed.bin", batch=2, platforms=("cpu",))
    program = jax.export.deserialize(bytearray((tmp_path / "posed.bin").read_bytes()))
    assert [argument.shape for argument in program.in_avals] == [(2, *tiny_vae.SHAPE, 1)]


def test_export_refuses_in_one_sentence(tmp_path):
    """What cannot be exported is said."""
    functions = avae_jax.on_host(*host_functions(), shape=(*tiny_vae.SHAPE, 1), latent=tiny_vae.Z)
    with pytest.raises(InputError, match="cannot be exported"):
        avae_jax.export(wrap(*functions), tmp_path / "posed.bin")
    assert not list(tmp_path.iterdir())
