"""The notebooks: run from the wheel at a small size, and what comes out is looked at."""

import base64
import io
import os
import re

import jax
import numpy as np
import pytest
from PIL import Image

from tests.support import ROOT
from tests.support.sharing import made_once
from tests.support.wheels import installed_wheel

nbformat = pytest.importorskip("nbformat", reason="notebooks want the extra `full`")
nbclient = pytest.importorskip("nbclient", reason="notebooks want the extra `full`")

# Figures of each notebook, and what must hold at its end. Trained for six updates a model knows
# nothing, and still the best pose explains better than none.
FIGURES = {"1_idea": 2, "2_align_a_folder": 2, "3_pretrained_vae": 1, "4_chairs": 1, "5_results": 3}
FIGURES |= {"6_for_jax_engineers": 1}
# Sizes that a lesson writes down, and those of a test of it.
SMALLER = {
    r"\bsteps=\d+": "steps=6",
    r"batch_size=\d+": "batch_size=16",
    r"turns=\d+": "turns=16",
    r"hidden=\(256, 256\)": "hidden=(24,)",
    r"UPDATES = \d+": "UPDATES = 60",
    r"make_solids\(\d+": "make_solids(600",
    r"moment_examples=\d+": "moment_examples=16",
    r"EvalOptions\(examples=\d+": "EvalOptions(examples=16",
    r"marginal_examples=[1-9]\d*": "marginal_examples=4",
}
CHECKS = {
    "1_idea": """
assert np.isfinite(curve).all() and curve.std() > 0
assert found.loss.mean() < without.mean()
assert found.loss[0] < curve.min() + 5
assert canonical.shape == drawn.shape == observed.shape and np.isfinite(drawn).all()
""",
    "2_align_a_folder": """
assert aligned.shape == images.shape and aligned.dtype == images.dtype == np.uint8
assert {len(column) for column in table.values()} == {len(list(folder.glob("*.png")))}
assert np.isfinite(table["latents"]).all() and after.mean() < before.mean()
""",
    "3_pretrained_vae": """
assert values[-20:].mean() < 0.8 * values[0]
assert found.loss.mean() < without.mean() and np.isfinite(bound).all()
assert canonical.shape == robust.shape == turned.shape
""",
    "4_chairs": """
assert np.isfinite(views.reconstruction).all() and observed.shape == (count, 16, 16, 16, 1)
assert loss.posed_search < loss.posed
""",
    "6_for_jax_engineers": """
assert np.isfinite(values).all() and found.loss[0] < values.min() + 1
assert registered.loss.sum() < jnp.sum((pairs[0] - pairs[1]) ** 2)
assert np.isfinite(losses).all() and np.mean(losses[-5:]) < losses[0]
""",
    "5_results": """
assert np.isfinite([line["loss"] for line in lines]).all() and steps[-1] == 6
assert losses["posed_search"] < losses["posed"] and "marginal" in losses
assert search["forward_equivalents"] > 1 and len(moments) == 3
""",
}


def read(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def figures(book):
    """The pictures among the outputs of a notebook, as arrays of grey values."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    data = [output.data["image/png"] for output in outputs if "data" in output]
    encoded = [io.BytesIO(base64.b64decode(picture)) for picture in data]
    return [np.asarray(Image.open(picture).convert("L")) for picture in encoded]


@pytest.fixture
def kernel(monkeypatch, tmp_path_factory):
    """What the process of a notebook finds: the installed wheel, and neither checkout nor data."""
    site = made_once(tmp_path_factory, "wheel", installed_wheel)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.delenv("AVAE_DATA", raising=False)
    return site


@pytest.mark.full
@pytest.mark.parametrize("name", FIGURES)
def test_notebook_runs_and_shows_what_it_says(name, kernel, tmp_path):
    book = read(name)
    for cell in book.cells:
        for written, smaller in SMALLER.items():
            cell.source = re.sub(written, smaller, cell.source)
    wheel = f"assert avae_jax.__file__.startswith({str(kernel)!r})"
    book.cells.append(nbformat.v4.new_code_cell(CHECKS[name] + wheel))
    where = {"metadata": {"path": str(tmp_path)}}
    done = nbclient.NotebookClient(
        book, timeout=900, kernel_name="python3", resources=where
    ).execute()
    drawn = figures(done)
    assert len(drawn) == FIGURES[name]
    assert all(picture.std() > 5 for picture in drawn)


@pytest.mark.parametrize("name", FIGURES)
def test_notebook_committed_with_what_it_shows(name):
    book = read(name)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert len(figures(book)) == FIGURES[name]
    said = str([cell.outputs for cell in code])
    assert "'error'" not in said and os.sep + "tmp" not in said


def test_notebooks_begin_alike_and_are_small():
    files = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert [path.stem for path in files] == sorted(FIGURES)
    assert sum(path.stat().st_size for path in files) < 1.5e6
    first = {read(name).cells[1].source for name in FIGURES}
    assert len(first) == 1 and 'find_spec("avae_jax") is None' in first.pop()


@pytest.fixture
def install_cell(monkeypatch, tmp_path):
    """The first cell where the package is missing and JAX is there; pip only notes its words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "avae_jax" or None)
    text = read("1_idea").cells[1].source
    asked = []

    def run():
        exec(text.replace("%pip install", "asked.append(source)  #"), {"asked": asked})
        return asked

    return run


def test_notebooks_first_cell_asks_where_the_package_is(install_cell):
    with pytest.raises(ModuleNotFoundError, match="put a wheel beside this notebook, or set"):
        install_cell()


@pytest.mark.parametrize("place", ["avae_jax-0.2.0-py3-none-any.whl", "avae_jax/__init__.py"])
def test_notebooks_first_cell_installs_what_lies_there(install_cell, tmp_path, capsys, place):
    """A wheel or a checkout; the JAX that is there is pinned, and the device is said."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    (asked,) = install_cell()
    wheel = place.endswith("whl")
    assert asked == str(tmp_path / place if wheel else tmp_path)
    pins = (tmp_path / "constraints.txt").read_text()
    assert f"jax=={jax.__version__}" in pins and "jaxlib==" in pins
    assert capsys.readouterr().out == "computing on cpu\n"
