"""Tests of `avae_jax.config.modes`."""

from pathlib import Path

import pytest

from avae_jax.config import files
from avae_jax.config.flags import parser
from avae_jax.config.modes import (
    MODES,
    Request,
    request_of,
    require_inputs,
    require_writers,
    untouched,
)
from avae_jax.config.options import DataOptions, LogOptions, Options
from avae_jax.core.errors import InputError

STACK = ["--input", "x.npy", "--output", "out"]


def request(mode, *arguments):
    return request_of(mode, vars(parser().parse_args(["--mode", mode, *arguments])))


def test_request_of_aligning_modes():
    assert request("align", *STACK) == Request("x.npy", Path("out"))
    asked = request("fit-align", *STACK, "--reconstructions", "--overwrite")
    assert asked == Request("x.npy", Path("out"), reconstructions=True, overwrite=True)


@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_request_of_other_modes_is_none(mode):
    assert request(mode, "--multihost") is None


@pytest.mark.parametrize(
    ("mode", "arguments", "said"),
    [
        ("align", [], "align: wants --input and --output"),
        ("align", STACK[:2], "align: wants --output"),
        ("plan", [], "plan: wants --topology"),
        ("compare", [], "compare: wants --runs"),
        ("compare", ["--runs", "a", "--json", "x"], "compare: has no use for --json"),
        ("train", STACK, "train: has no use for --input, --output"),
        ("align", [*STACK, "--multihost"], "align: has no use for --multihost"),
        ("evaluate", ["--json", "x"], "evaluate: has no use for --json"),
    ],
)
def test_request_of_names_missing_and_idle_flags(mode, arguments, said):
    with pytest.raises(InputError, match=f"^{said}$"):
        request(mode, *arguments)


def test_every_mode_is_offered_by_the_parser():
    for mode in MODES:
        assert parser().parse_args(["--mode", mode]).mode == mode


def test_untouched_leaves_out_changed_and_given_fields():
    begun = files.load_file("stack")
    options = files.to_options(files.apply_overrides(begun, ["train.steps=7"]))
    found = untouched(options, ["model.latent=8"])
    assert "train.steps" not in found and "model.latent" not in found
    assert {"data.size", "model.hidden"} <= found


def test_require_inputs_names_what_is_missing(tmp_path):
    (tmp_path / "a.h5").touch()
    there = Request(f"{tmp_path}/a.h5:images", tmp_path)
    require_inputs(Options(), there)
    with pytest.raises(InputError, match="none.npy: no such file; a readable stack .npy, "):
        require_inputs(Options(), there._replace(input="none.npy"))
    for source, said in (("folder:none", "no such folder"), ("idx:none", "set AVAE_DATA")):
        with pytest.raises(InputError, match=said):
            require_inputs(Options(data=DataOptions(source=source)), None)
    require_inputs(Options(), None)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_require_writers_names_the_extra_that_is_missing(name, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    require_writers(Options())
    require_writers(Options(log=LogOptions(writers=None)))
    with pytest.raises(InputError, match=f"^log.writers={name}: .*pip install .avae_jax.{name}"):
        require_writers(Options(log=LogOptions(writers=("csv", name))))
