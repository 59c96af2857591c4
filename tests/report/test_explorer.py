"""What the page that answers to its reader is given: data, pictures, one script."""

import base64
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from avae_jax import report
from tests.support.report_samples import (
    KEPT,
    NASTY,
    Page,
    exploration,
    explored,
    explored_files,
    gallery,
    given,
    moments,
    plain_files,
)


def text_of(folder, found):
    report.write(folder, found)
    return (folder / "index.html").read_text(encoding="utf-8")


def opened(pictures):
    data = base64.b64decode(pictures["uri"].partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA").convert("RGB"))


def cell(pictures, row, column):
    width, height = pictures["width"], pictures["height"]
    return opened(pictures)[row * height :, column * width :][:height, :width]


def test_explorer_data_say_what_was_found():
    """The page says what was found."""
    found = explored()
    data = given(explored_files()["index.html"])["explored"]
    trial, one = found.exploration.trials[2], data["trials"][2]
    assert one["example"] == 2 and len(one["by"]) == KEPT
    np.testing.assert_allclose(one["values"], trial.values)
    np.testing.assert_allclose(one["losses"], trial.losses, atol=0.006)
    example = data["examples"][4]
    assert example["doubtful"] and example["gap"] == 1.5 and example["label"] == "1"
    assert data["examples"][3]["gap"] is None
    assert data["labels"] == {"0": "cat", "1": "dog", "2": "bird"}
    assert [moment["step"] for moment in data["training"]["moments"]] == [0, 100, 200, 300]
    assert data["training"]["moments"][3]["loss"] == pytest.approx(100 + 900 / 300)
    assert data["training"]["moments"][0]["loss"] is None


@pytest.mark.standard
def test_explorer_pictures_are_where_the_script_looks(tmp_path):
    """Pictures are where the script looks for them."""
    data = given(text_of(tmp_path, explored()))["pictures"]
    trial, atlas = exploration().trials[1], exploration().atlas
    expected = (255 * trial.turned[7, ..., 0]).astype(np.uint8)
    np.testing.assert_array_equal(cell(data["trials"][1], 0, 7)[..., 0], expected)
    across, rows = data["across"], 2
    shown = cell(data["atlas"], 23 // across, 23 % across)[..., 0]
    np.testing.assert_array_equal(shown, (255 * atlas.observed[23, ..., 0]).astype(np.uint8))
    shown = cell(data["atlas"], rows + 23 // across, 23 % across)[..., 0]
    np.testing.assert_array_equal(shown, (255 * atlas.canonical[23, ..., 0]).astype(np.uint8))


@pytest.mark.standard
@pytest.mark.parametrize("found", [explored(), explored(label_names=NASTY)])
def test_explorer_data_cannot_end_the_script(tmp_path, found):
    """Nothing in the data ends the script."""
    atlas = found.exploration.atlas._replace(moved_by=("</script><!--<script>\u2028",) * 30)
    text = text_of(tmp_path, found._replace(exploration=found.exploration._replace(atlas=atlas)))
    block = text.partition('id="data">')[2].partition("</script>")[0]
    assert not set("<>&\u2028") & set(block) and block.isascii()
    assert given(text)["explored"]["examples"][0]["by"].startswith("</script><!--<script>")
    scripts = [tag for tag, _ in Page(text).tags if tag == "script"]
    assert len(scripts) == 2
    if found.label_names == NASTY:
        assert given(text)["explored"]["labels"]["0"] == NASTY[0]


def test_explorer_script_of_the_package_alone_may_run():
    """The only script that may run is the one of the package."""
    text = explored_files()["index.html"]
    script = text.partition('<script type="module">')[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    tags = Page(text).tags
    (policy,) = (a["content"] for tag, a in tags if tag == "meta" and "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert "</" not in script and "<!--" not in script and "innerHTML" not in script
    # One name space, which is not a place of the network.
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") + text.count("http-equiv")


def test_explorer_absent_leaves_its_parts_out():
    text = plain_files()["index.html"]
    assert given(text)["explored"] is None and "<section hidden" not in text
    assert not {"turning", "atlas", "training"} & {a.get("id") for _, a in Page(text).tags}


def noise(*shape):
    return np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)


@pytest.mark.full
def test_explorer_page_at_most_5_megabytes(tmp_path):
    """Colours at random, which nothing can pack."""
    trial, atlas = exploration().trials[0], exploration(200).atlas
    rows = noise(len(trial.values), 40, 40, 3)
    trial = trial._replace(turned=rows, drawn=rows[::-1], reconstruction=1 - rows)
    atlas = atlas._replace(observed=noise(200, 40, 40, 3), canonical=1 - noise(200, 40, 40, 3))
    trials = tuple(trial._replace(example=i) for i in range(24))
    seen = tuple(moment._replace(canonical_input=noise(12, 40, 40, 3)) for moment in moments())
    found = explored(
        exploration=exploration()._replace(trials=trials, atlas=atlas),
        moments=seen,
        gallery=gallery((40, 40, 3)),
    )
    text = text_of(tmp_path, found)
    assert len(text) < 5e6
    dials = given(text)["pictures"]["trials"]
    assert len(dials) == 24 and min(dials[0]["width"], 40) >= 8


@pytest.mark.standard
@pytest.mark.parametrize(
    "changes",
    [
        {"exploration": exploration(labels=False), "label_names": ()},
        {"exploration": exploration(1)},
        {"moments": ()},
        {"moments": explored().moments[:1]},
        {"exploration": exploration()._replace(kind="shift", unit="%", whole=False)},
        {"exploration": exploration()._replace(kind="scale_x", unit="", relative=True)},
        {"metrics": ({"step": 1, "loss": None}, {"loss": 3.0})},
    ],
)
def test_explorer_narrow_cases(tmp_path, changes):
    data = given(text_of(tmp_path, explored(**changes)))["explored"]
    assert len(data["trials"]) == len(changes.get("exploration", exploration()).trials)
    assert (data["training"] is None) == (len(changes.get("moments", "many")) < 2)
