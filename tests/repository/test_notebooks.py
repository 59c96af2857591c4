"""The notebooks: run as they are at a small size, and what comes out is looked at."""

import base64
import io
import os

import numpy as np
import pytest
from PIL import Image

from tests.support import ROOT

nbformat = pytest.importorskip("nbformat", reason="notebooks want the extra `full`")
nbclient = pytest.importorskip("nbclient", reason="notebooks want the extra `full`")

# Figures of each notebook, and what must hold at its end. Trained for six updates a model knows
# nothing, and still the best pose explains better than none.
FIGURES = {"1_idea": 2, "2_align_a_folder": 2, "3_pretrained_vae": 1, "4_chairs": 1, "5_results": 3}
CHECKS = {
    "1_idea": """
assert status == 0
assert np.isfinite(curve).all() and curve.std() > 0
assert found.loss.mean() < without.mean()
assert found.loss[0] < curve.min() + 5
assert canonical.shape == drawn.shape == observed.shape and np.isfinite(drawn).all()
""",
    "2_align_a_folder": """
assert status == 0
assert len(rows) == len(list(folder.glob("*.png"))) == len(latents)
assert len(list(Path("aligned", folder.name).glob("*.png"))) == len(rows)
assert np.isfinite(latents).all() and after.mean() < before.mean()
""",
    "3_pretrained_vae": """
assert values[-20:].mean() < 0.8 * values[0]
assert found.loss.mean() < without.mean() and np.isfinite(bound).all()
assert canonical.shape == robust.shape == turned.shape
""",
    "4_chairs": """
assert status == 0
assert np.isfinite(views.reconstruction).all() and observed.shape == (count, 16, 16, 16, 1)
assert loss["posed_search"] < loss["posed"]
""",
    "5_results": """
assert status == 0
assert np.isfinite([line["loss"] for line in lines]).all() and steps[-1] == 6
assert losses["posed_search"] < losses["posed"] and "marginal" in losses
assert search["forward_equivalents"] > 1 and len(moments) == 2
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
def kernel(monkeypatch):
    """What the process of a notebook finds in its environment."""
    monkeypatch.setenv("AVAE_NOTEBOOKS", "small")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("AVAE_DATA", raising=False)


@pytest.mark.full
@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", FIGURES)
def test_notebook_runs_and_shows_what_it_says(name, tmp_path):
    book = read(name)
    book.cells.append(nbformat.v4.new_code_cell(CHECKS[name]))
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


def test_notebooks_first_cell_installs_the_package(monkeypatch):
    """The first cell asks where the package is where it is not."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    cell = read("1_idea").cells[1].source.replace("%pip install", "pass  # ")
    with pytest.raises(ModuleNotFoundError, match="set SOURCE"):
        exec(cell, {})
