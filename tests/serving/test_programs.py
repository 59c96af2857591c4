"""Tests of `avae_jax.serving.programs`: what is compiled once."""

import dataclasses

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.models.affine_model import ProgramKey
from avae_jax.serving.programs import batch_programs
from tests.support import tiny_vae

SMALL = {"steps": 2, "batch_size": 4, "hidden": (8,), "latent": 2, "progress": False}


def test_batch_programs_are_those_of_equal_models():
    avae, search = tiny_vae.avae_of(), avae_jax.SearchOptions()
    same = ProgramKey.of(avae._replace(fill=avae.fill + 0))
    other = ProgramKey.of(avae._replace(fill=avae.fill + 0.5))
    first = batch_programs(ProgramKey.of(avae), search)
    assert batch_programs(same, search) is first
    assert batch_programs(other, search) is not first
    assert batch_programs(same, avae_jax.SearchOptions(starts=9)) is not first


def test_batch_programs_take_functions_that_cannot_be_hashed():
    @dataclasses.dataclass  # with `==` and therefore without a hash
    class Encode:
        width: list

        def __call__(self, params, x):
            return tiny_vae.encode(params, x)

    avae = tiny_vae.avae_of()
    foreign = avae._replace(model=avae.model._replace(encode=Encode([2])))
    first = batch_programs(ProgramKey.of(foreign), avae_jax.SearchOptions())
    assert batch_programs(ProgramKey.of(foreign), avae_jax.SearchOptions()) is first
    assert batch_programs(ProgramKey.of(avae), avae_jax.SearchOptions()) is not first


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser")
def test_a_second_fit_of_equal_shapes_compiles_nothing():
    compiled = []

    def listen(name, seconds, **known):
        if name == "/jax/core/compile/backend_compile_duration":
            compiled.append(known.get("fun_name"))

    random = np.random.default_rng(0)
    # What lies outside of an image is a constant of the programs: 0 for both.
    x = np.pad(random.uniform(size=(12, 7, 7)).astype(np.float32), ((0, 0), (1, 1), (1, 1)))
    images = [x, x[::-1] / 2]
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for x in images:
            compiled.clear()
            posed = avae_jax.fit(x, **SMALL)
            posed.transform(x), posed.encode(x)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled
