"""What version 0.1 wrote is read: a work directory, a packed model, an unfinished alignment.

`fixtures/version_0_1.zip` was written by that version: digits of 8 x 8 pixels, two updates,
and an alignment that was interrupted after eight of twelve examples.
"""

import json
import shutil
import warnings
import zipfile

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.alignment.job import digest
from avae_jax.core.errors import InputError
from avae_jax.main import main
from avae_jax.training.restore import load_with_options
from tests.support import ROOT

pytestmark = pytest.mark.standard

WRITTEN = ROOT / "tests" / "fixtures" / "version_0_1.zip"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    with zipfile.ZipFile(WRITTEN) as archive:
        archive.extractall(folder)
    return folder


def test_version_0_1_run_and_packed_model_read(written):
    """A work directory and a packed model are read."""
    examples = np.load(written / "stack.npy")[..., None].astype(np.float32) / 255
    examples = np.pad(examples, ((0, 0), (8, 8), (8, 8), (0, 0)))  # to the 24 pixels it sees
    models = [avae_jax.Posed.load(written / name) for name in ("run", "model.npz")]
    first, second = (model.pose(examples) for model in models)
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()


def test_version_0_1_summary_read(written):
    summary = json.loads((written / "run" / "report" / "summary.json").read_text())
    assert summary["train"]["steps"] == 2


@pytest.mark.full
def test_version_0_1_unfinished_alignment_goes_on(written, capsys, monkeypatch):
    target = written / "aligned"
    # A bank has other bits on other processors, where that version refused to go on as well.
    began = json.loads((target / "unfinished" / "job.json").read_text())["model"]
    banks = []

    def named(trained, *, bank):
        banks.append(trained.bank)
        return began if bank else digest(trained, bank=False)

    monkeypatch.setattr("avae_jax.alignment.job.digest", named)
    done = np.load(target / "unfinished" / "rows" / "aligned.npy")[:8]
    flags = ("--workdir", written / "run", "--input", written / "stack.npy", "--output", target)
    assert main(["--mode", "align", *map(str, flags)]) == 0
    assert "aligning:  67%" in capsys.readouterr().err
    np.testing.assert_array_equal(np.load(target / "stack.npy")[:8], done)
    assert len((target / "poses.csv").read_text().splitlines()) == 13
    assert not (target / "unfinished").exists()
    # The bits of the bank are those that this version names its model by.
    same, _ = load_with_options(written / "run", op_by_op=True)
    for one, other in zip(*map(jax.tree.leaves, (banks[0], same.bank)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["config.json", "checkpoints/2/seal.json"])
def test_load_refuses_a_later_format(written, tmp_path, name):
    """A work directory of a later version is refused in one sentence."""
    folder = tmp_path / "run"
    shutil.copytree(written / "run", folder)
    held = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**held, "format": 99}))
    with pytest.raises(InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        avae_jax.load(folder)
