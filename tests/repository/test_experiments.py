"""The experiments: what they compute, and that the pages say what was measured."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from avae_jax.config import files
from avae_jax.config.options import Options
from benchmarks.experiments import pages
from benchmarks.experiments.__main__ import NAMES
from benchmarks.experiments.basin import turns
from benchmarks.experiments.capacity import as_good
from benchmarks.experiments.collect import collect, over_seeds
from benchmarks.experiments.letters import letters
from benchmarks.experiments.posed_losses import with_interval
from benchmarks.experiments.runs import SIZES, Setting
from benchmarks.experiments.sections import SECTIONS
from benchmarks.experiments.settling import concentration, histograms
from benchmarks.experiments.spatial_transformer import Localiser
from configs.experiments import merged
from tests.support import ROOT


def test_merged_later_edits_win():
    """Later edits go over former ones and leave the rest."""
    first, second = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "e": 5}
    assert merged(first, second) == {"a": {"b": 4, "c": 2}, "d": 3, "e": 5}
    assert first == {"a": {"b": 1, "c": 2}, "d": 3}


@pytest.mark.parametrize("name", NAMES)
def test_models_of_experiments_are_existing_configs(name):
    """Every model of an experiment is a config that exists."""
    for size in SIZES:
        setting = Setting(name, size, 0, Path("runs"))
        for model in setting.config["models"].values():
            edits = merged(setting.config[size], model)
            assert (ROOT / "configs" / f"{edits.pop('config')}.py").is_file()
            known = files.to_config(Options()).to_dict()
            _require_known(edits, known)


def _require_known(edits, known):
    for name, value in edits.items():
        assert name in known
        if isinstance(value, dict):
            _require_known(value, known[name])


def test_models_of_one_name_are_the_same():
    """Models of one name are the same in all experiments."""
    met = {}
    for name in NAMES:
        setting = Setting(name, "small", 0, Path("runs"))
        for model, edits in setting.config["models"].items():
            edits = merged(setting.config["small"], edits)
            assert met.setdefault(model, edits) == edits


def test_with_interval_holds_the_mean_and_shrinks():
    """An interval holds the mean and shrinks with examples."""
    few, many = (np.random.default_rng(0).normal(5.0, 1.0, n) for n in (50, 5000))
    widths = []
    for values in (few, many):
        found = with_interval(values)
        low, high = found["interval"]
        assert low < found["mean"] < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(2 * 1.96 / math.sqrt(50), rel=0.3)
    assert widths[1] == pytest.approx(widths[0] / 10, rel=0.3)


def test_over_seeds_adds_the_spread():
    """Numbers of several seeds get their spread and one seed stays as it is."""
    runs = [{"a": {"x": 1.0, "n": 3}, "c": [1.0, 2.0]}, {"a": {"x": 3.0, "n": 3}, "c": [3.0, 4.0]}]
    assert over_seeds(runs[:1]) == runs[0]
    both = over_seeds(runs)
    assert both == {"a": {"x": 2.0, "x_std": pytest.approx(math.sqrt(2)), "n": 3}, "c": [2.0, 3.0]}


def test_as_good_smallest_size_without_search():
    """The smallest size that is as good without the search."""
    losses = {
        "search_random": {"4": {"mean": 10.0}, "8": {"mean": 5.0}},
        "augmented": {"4": {"mean": 20.0}, "8": {"mean": 9.0}},
    }
    assert as_good(losses) == {"4": 8, "8": None}


def test_concentration_tells_two_peaks_from_one():
    """Two peaks half a turn apart are told from one."""
    angles = np.random.default_rng(0).normal(30, 5, 400)
    one = concentration(angles)
    assert one["once"] > 0.98 and one["opposite"] == 0
    two = concentration(angles + 180 * (np.arange(400) % 4 == 0))
    assert two["once"] == pytest.approx(0.5, abs=0.02)
    assert two["twice"] > 0.95 and two["opposite"] == pytest.approx(0.25)


def test_histograms_lose_no_angle():
    """No angle is lost between the bins."""
    angles = np.linspace(-720, 720, 1001)
    counts = histograms(angles, np.zeros(1001, int))
    assert sum(counts["0"]) == 1001


def test_turns_by_the_angle_asked_for():
    """Volumes are turned by the angle asked for."""
    poses = turns(8, 45.0)
    traces = np.trace(poses[:, :3, :3], axis1=1, axis2=2)
    assert np.degrees(np.arccos((traces - 1) / 2)) == pytest.approx(np.full(8, 45.0), abs=0.01)


def test_letters_look_like_mnist():
    """Letters look like examples of mnist."""
    drawn = letters(24)
    assert drawn.shape == (24, 40, 40, 1) and drawn.dtype == np.float32
    assert drawn.min() >= 0 and 0.9 < drawn.max() <= 1
    rows = np.arange(40)
    middle = (drawn.sum((2, 3)) * rows).sum(1) / drawn.sum((1, 2, 3))
    assert middle == pytest.approx(np.full(24, 19.5), abs=0.3)


@pytest.mark.standard
def test_localiser_begins_with_the_identity():
    """A spatial transformer begins with the identity."""
    x = np.random.default_rng(0).random((16, 16, 1), np.float32)
    params = Localiser().init(jax.random.key(0), x)
    assert Localiser().apply(params, x) == pytest.approx(np.eye(3), abs=1e-5)


def test_pages_say_what_was_measured():
    collected = json.loads((ROOT / "benchmarks" / "results" / "experiments.json").read_text())
    assert (ROOT / "docs" / "project" / "results.md").read_text() == pages.page(collected)
    for name in SECTIONS.keys() & collected.keys():
        assert (ROOT / "docs" / "figures" / "results" / f"{name}.png").is_file()


def run(*arguments, **environment):
    called = [sys.executable, "-m", "benchmarks.experiments", *arguments]
    env = {k: v for k, v in os.environ.items() if k != "AVAE_DATA"} | environment
    # Programs run few times here.
    env["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    return subprocess.run(called, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900)


@pytest.mark.full
def test_experiments_without_data_begin_nothing(tmp_path):
    """Without data nothing is begun."""
    done = run("table1", "--runs", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr == "error: AVAE_DATA: not set, wanted the folder of mnist/ and modelnet10/\n"
    assert not (tmp_path / "runs").exists()


@pytest.mark.full
def test_collect_nothing_measured_refused(tmp_path):
    """Nothing measured cannot be collected."""
    done = run("collect", "--runs", tmp_path)
    assert done.returncode == 2
    assert "no results, run an experiment first" in done.stderr


@pytest.mark.full
def test_experiment_runs_and_is_collected(tmp_path):
    """An experiment runs through the command line and is collected."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, count in {"train": 64, "t10k": 20}.items():
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 8:20, 11:17] = rng.integers(100, 256, (count, 12, 6))
        write_idx(folder / f"{split}-images-idx3-ubyte", images)
        write_idx(folder / f"{split}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    asked = ("settling", "--size", "smoke", "--runs", tmp_path / "runs")
    done = run(*asked, AVAE_DATA=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    file = tmp_path / "runs" / "smoke" / "results" / "settling_0.json"
    measured = json.loads(file.read_text())
    assert measured["machine"]["cores"] == os.cpu_count()
    end = measured["numbers"]["end"]
    assert 0 < end["resultant_length"] < 1 and len(end["by_digit"]) == 10
    again = run(*asked, AVAE_DATA=str(tmp_path / "data"))
    assert again.returncode == 0 and "measured already" in again.stdout
    collect(file.parent, size="smoke", root=tmp_path)
    page = (tmp_path / "docs" / "project" / "results.md").read_text()
    apart = f"canonical angles of 6 and 9 differ by {end['degrees_between_6_and_9']:.0f} degrees"
    assert apart in page and measured["commit"] in page
    assert "| claim | here | published |" in page


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(head + array.tobytes())
