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
from benchmarks.experiments import pages
from benchmarks.experiments.__main__ import NAMES
from benchmarks.experiments.basin import turns
from benchmarks.experiments.capacity import as_good
from benchmarks.experiments.collect import BEGIN, END, collect, over_seeds
from benchmarks.experiments.letters import letters
from benchmarks.experiments.posed_losses import with_interval
from benchmarks.experiments.runs import SIZES, Setting
from benchmarks.experiments.sections import SECTIONS
from benchmarks.experiments.settling import concentration, histograms
from benchmarks.experiments.spatial_transformer import Localiser
from configs.experiments import merged

ROOT = Path(__file__).resolve().parent.parent


def test_later_edits_go_over_former_ones_and_leave_the_rest():
    first, second = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}, "e": 5}
    assert merged(first, second) == {"a": {"b": 4, "c": 2}, "d": 3, "e": 5}
    assert first == {"a": {"b": 1, "c": 2}, "d": 3}


@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_an_experiment_is_a_config_that_exists(name):
    for size in SIZES:
        setting = Setting(name, size, 0, Path("runs"))
        for model in setting.config["models"].values():
            edits = merged(setting.config[size], model)
            assert (ROOT / "configs" / f"{edits.pop('config')}.py").is_file()
            known = files.default_config().to_dict()
            _require_known(edits, known)


def _require_known(edits, known):
    for name, value in edits.items():
        assert name in known
        if isinstance(value, dict):
            _require_known(value, known[name])


def test_models_of_one_name_are_the_same_in_all_experiments():
    met = {}
    for name in NAMES:
        setting = Setting(name, "small", 0, Path("runs"))
        for model, edits in setting.config["models"].items():
            edits = merged(setting.config["small"], edits)
            assert met.setdefault(model, edits) == edits


def test_an_interval_holds_the_mean_and_shrinks_with_examples():
    few, many = (np.random.default_rng(0).normal(5.0, 1.0, n) for n in (50, 5000))
    widths = []
    for values in (few, many):
        found = with_interval(values)
        low, high = found["interval"]
        assert low < found["mean"] < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(2 * 1.96 / math.sqrt(50), rel=0.3)
    assert widths[1] == pytest.approx(widths[0] / 10, rel=0.3)


def test_numbers_of_several_seeds_get_their_spread_and_one_seed_stays_as_it_is():
    runs = [{"a": {"x": 1.0, "n": 3}, "c": [1.0, 2.0]}, {"a": {"x": 3.0, "n": 3}, "c": [3.0, 4.0]}]
    assert over_seeds(runs[:1]) == runs[0]
    both = over_seeds(runs)
    assert both == {"a": {"x": 2.0, "x_std": pytest.approx(math.sqrt(2)), "n": 3}, "c": [2.0, 3.0]}


def test_the_smallest_size_that_is_as_good_without_the_search():
    losses = {
        "search_random": {"4": {"mean": 10.0}, "8": {"mean": 5.0}},
        "augmented": {"4": {"mean": 20.0}, "8": {"mean": 9.0}},
    }
    assert as_good(losses) == {"4": 8, "8": None}


def test_two_peaks_half_a_turn_apart_are_told_from_one():
    angles = np.random.default_rng(0).normal(30, 5, 400)
    one = concentration(angles)
    assert one["once"] > 0.98 and one["opposite"] == 0
    two = concentration(angles + 180 * (np.arange(400) % 4 == 0))
    assert two["once"] == pytest.approx(0.5, abs=0.02)
    assert two["twice"] > 0.95 and two["opposite"] == pytest.approx(0.25)


def test_no_angle_is_lost_between_the_bins():
    angles = np.linspace(-720, 720, 1001)
    counts = histograms(angles, np.zeros(1001, int))
    assert sum(counts["0"]) == 1001


def test_volumes_are_turned_by_the_angle_asked_for():
    poses = turns(8, 45.0)
    traces = np.trace(poses[:, :3, :3], axis1=1, axis2=2)
    assert np.degrees(np.arccos((traces - 1) / 2)) == pytest.approx(np.full(8, 45.0), abs=0.01)


def test_letters_look_like_examples_of_mnist():
    drawn = letters(24)
    assert drawn.shape == (24, 40, 40, 1) and drawn.dtype == np.float32
    assert drawn.min() >= 0 and 0.9 < drawn.max() <= 1
    rows = np.arange(40)
    middle = (drawn.sum((2, 3)) * rows).sum(1) / drawn.sum((1, 2, 3))
    assert middle == pytest.approx(np.full(24, 19.5), abs=0.3)


def test_a_spatial_transformer_begins_with_the_identity():
    x = np.random.default_rng(0).random((16, 16, 1), np.float32)
    params = Localiser().init(jax.random.key(0), x)
    assert Localiser().apply(params, x) == pytest.approx(np.eye(3), abs=1e-5)


def test_the_pages_say_what_was_measured():
    collected = json.loads((ROOT / "benchmarks" / "results" / "experiments.json").read_text())
    assert (ROOT / "docs" / "results.md").read_text() == pages.page(collected)
    text = (ROOT / "README.md").read_text()
    assert text.split(BEGIN)[1].split(END)[0].strip() == pages.summary(collected)
    for name in SECTIONS.keys() & collected.keys():
        assert (ROOT / "docs" / "results" / f"{name}.png").is_file()


def run(*arguments, **environment):
    called = [sys.executable, "-m", "benchmarks.experiments", *arguments]
    env = {k: v for k, v in os.environ.items() if k != "AVAE_DATA"} | environment
    # Programs run few times here.
    env["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    return subprocess.run(called, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900)


def test_without_data_nothing_is_begun(tmp_path):
    done = run("table1", "--runs", tmp_path / "runs")
    assert done.returncode == 2
    assert done.stderr == "error: AVAE_DATA: not set, wanted the folder of mnist/ and modelnet10/\n"
    assert not (tmp_path / "runs").exists()


def test_nothing_measured_cannot_be_collected(tmp_path):
    done = run("collect", "--runs", tmp_path)
    assert done.returncode == 2
    assert "no results, run an experiment first" in done.stderr


def test_an_experiment_runs_through_the_command_line_and_is_collected(tmp_path):
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
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    collect(file.parent, size="smoke", root=tmp_path)
    page = (tmp_path / "docs" / "results.md").read_text()
    apart = f"6 and 9 are stored {end['degrees_between_6_and_9']:.0f} degrees apart"
    assert apart in page and measured["commit"] in page
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("before\n") and readme.endswith("after\n") and "old" not in readme


def write_idx(path, array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(head + array.tobytes())
