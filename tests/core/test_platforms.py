"""Forms of a computation by platform: which are traced, and what a program holds."""

import jax
import jax.export
import jax.numpy as jnp
import pytest

from avae_jax.core.platforms import by_platform, portable


@pytest.fixture
def traced():
    """Names of the forms that were traced, and a program that has three of them."""
    names = []

    def form(name, sign):
        def compute(x):
            names.append(name)
            return sign * jnp.sin(x)

        return compute

    def compute(x):
        forms = {"tpu": form("tpu", -1.0), "default": form("default", 1.0)}
        return by_platform(x, cpu=form("cpu", 2.0), **forms)

    return names, jax.jit(compute)


def test_one_form_is_traced_for_the_platform_that_is_here(traced):
    """Programs of this process have the form of CPUs alone."""
    names, compute = traced
    assert float(compute(jnp.float32(1))) == pytest.approx(2 * 0.84147, rel=1e-4)
    assert names == ["cpu"]


def test_portable_program_has_every_form(traced):
    """Also where the program was traced before, and it still gives the form of the platform."""
    names, compute = traced
    compute(jnp.float32(1))
    names.clear()
    with portable():
        program = jax.export.export(compute, platforms=("cpu", "tpu"))(jnp.float32(1))
        assert float(compute(jnp.float32(1))) == pytest.approx(2 * 0.84147, rel=1e-4)
    assert {"cpu", "tpu"} <= set(names)
    assert "case" in program.mlir_module()
    names.clear()
    compute(jnp.float32(1))
    assert names == []


def test_platform_without_a_form_takes_the_default(monkeypatch):
    """As GPUs do where only CPUs and TPUs have one."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    forms = {"cpu": lambda x: x, "tpu": lambda x: 2 * x}
    assert float(by_platform(jnp.float32(1), default=lambda x: 3 * x, **forms)) == 3
    with jax.default_device(jax.devices("cpu")[0]):
        assert float(by_platform(jnp.float32(1), default=lambda x: 3 * x, **forms)) == 1
