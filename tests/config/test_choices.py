"""Choices: every table is read as it stands, and an unknown name raises with the nearest one."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import avae_jax
from avae_jax import main
from avae_jax.config import choices, files
from avae_jax.config.options import (
    DataOptions,
    EvalOptions,
    ModelOptions,
    SearchOptions,
    TrainOptions,
)
from avae_jax.core.choices import look_up, nearest
from avae_jax.core.errors import InputError
from avae_jax.data.sources.registry import open_source
from avae_jax.inference.search.starts import starts
from avae_jax.models import wrap
from avae_jax.transform.resample import sample

TABLES = [value for value in vars(choices).values() if isinstance(value, choices.Table)]
ROTATION = avae_jax.family("rotation", 2)


def tiny(**how):
    frame = avae_jax.frame((8, 8))
    model = wrap(lambda params, x: None, lambda params, z: None)
    return avae_jax.affine_vae(model, frame, np.zeros(1), group=ROTATION, **how)


UNKNOWN = [
    (lambda: tiny(likelihood="bernouli"), "bernoulli"),
    (lambda: tiny(interpolation="cubik"), "cubic"),
    (lambda: ModelOptions(name="denze"), "dense"),
    (lambda: ModelOptions(likelihood="gausian"), "gaussian"),
    (lambda: ModelOptions(interpolation="liner"), "linear"),
    (lambda: ModelOptions(dtype="bfloat"), "bfloat16"),
    (lambda: SearchOptions(preset="fsat"), "fast"),
    (lambda: SearchOptions("thoruogh"), "thorough"),
    (lambda: SearchOptions(kind="bnak"), "bank"),
    (lambda: SearchOptions(method="gauss_newtn"), "gauss_newton"),
    (lambda: DataOptions(pose="randm"), "random"),
    (lambda: DataOptions(fill="boarder"), "border"),
    (lambda: DataOptions(window="types"), "type"),
    (lambda: TrainOptions(schedule="cosin"), "cosine"),
    (lambda: EvalOptions(checkpoint="bset"), "best"),
    (lambda: avae_jax.family("rotatoin", 2), "rotation"),
    (lambda: avae_jax.family("rotation+shift_xx", 2), "shift_x"),
    (lambda: open_source("digit"), "digits"),
    (lambda: open_source("folders:x"), "folder"),
    (
        lambda: starts(jax.random.key(0), ROTATION, avae_jax.RangeOptions(), kind="evn", count=3),
        "even",
    ),
    (
        lambda: sample(jnp.zeros((4, 4, 1)), jnp.zeros((1, 2)), jnp.zeros(1), interpolation="cube"),
        "cubic",
    ),
]


@pytest.mark.parametrize(("call", "name"), UNKNOWN)
def test_an_unknown_name_raises_with_the_nearest(call, name):
    with pytest.raises(InputError, match=rf"{name}, .*did you mean {name}\?|did you mean {name}\?"):
        call()


@pytest.mark.parametrize(
    "override",
    [
        "model.name=denze",
        "model.likelihood=bernouli",
        "search.preset=fsat",
        "family=rotatoin",
        "data.source=digit",
        "data.pose=randm",
        "train.schedule=cosin",
    ],
)
def test_the_command_line_says_the_nearest_name(override, capsys, tmp_path):
    arguments = ["--config", "digits", "--workdir", str(tmp_path), f"--config.{override}"]
    assert main.main(arguments) == 2
    assert "did you mean" in capsys.readouterr().err


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_table_names_in_source_are_those_of_the_loaded_table(table):
    written = choices._written(table.module, table.name)
    loaded = getattr(importlib.import_module(f"avae_jax.{table.module}"), table.name)
    assert list(written) == list(loaded) == list(table)
    for key, constants in written.items():
        for field, value in constants.items():
            assert getattr(loaded[key], field) == value == table.constant(key, field)


def test_a_table_takes_in_what_a_program_adds(monkeypatch):
    likelihoods = importlib.import_module("avae_jax.models.likelihoods")
    added = likelihoods.LIKELIHOODS["gaussian"]._replace(interval=(-1.0, 1.0))
    monkeypatch.setitem(likelihoods.LIKELIHOODS, "toy", added)
    assert "toy" in choices.LIKELIHOODS
    assert ModelOptions(likelihood="toy").likelihood == "toy"
    with pytest.raises(InputError, match="from -1 to 1 where model.likelihood is toy"):
        files.from_dict({"model": {"likelihood": "toy"}, "data": {"fill": 2.0}})


def test_look_up_names_what_there_is():
    assert look_up({"a": 1}, "a", "x") == 1
    for wrong in ("b", None, ["a"], 3):
        with pytest.raises(InputError, match="^x=.*: a$"):
            look_up({"a": 1}, wrong, "x")
    assert nearest("zzz", ["a"]) == ""


@pytest.mark.parametrize(
    ("section", "field"), [("model", "name"), ("search", "preset")], ids=lambda text: text
)
def test_the_earlier_name_of_a_choice_is_taken_and_said(section, field):
    with pytest.warns(FutureWarning, match=f"{field}=source: now called original"):
        options = files.from_dict({section: {field: "source"}})
    assert getattr(getattr(options, section), field) == "original"
    kind = {"model": ModelOptions, "search": SearchOptions}[section]
    with pytest.warns(FutureWarning):
        assert kind(**{field: "source"}) == kind(**{field: "original"})
