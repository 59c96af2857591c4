"""`folder:PATH`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 7), np.uint8)
RGB = RNG.integers(0, 256, (6, 7, 3), np.uint8)


def written(folder, names, pixels=GREY):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def loaded(folder, **options):
    return load(DataOptions(source=f"folder:{folder}", **options), seed=0)


def test_folder_labels_are_first_folders(tmp_path):
    written(tmp_path, [f"cat/{i}.png" for i in range(4)], np.full((6, 7), 50, np.uint8))
    written(tmp_path, [f"dog/deep/{i}.PNG" for i in range(6)], np.full((6, 7), 200, np.uint8))
    dataset = loaded(tmp_path)
    assert dataset.label_names == ("cat", "dog")
    np.testing.assert_array_equal(dataset.train_labels, dataset.train[:, 0, 0, 0] > 0.5)
    np.testing.assert_array_equal(dataset.test_labels, dataset.test[:, 0, 0, 0] > 0.5)


def test_folder_flat_has_no_labels(tmp_path):
    """Images without folders have no labels."""
    written(tmp_path, ["a.png", "b.png", "c.tif"])
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    dataset = loaded(tmp_path)
    assert len(dataset.train) + len(dataset.test) == 3
    assert dataset.train_labels is None and dataset.label_names == ()


@pytest.mark.parametrize("odd", [GREY[:5], RGB, GREY.astype(np.uint16)])
def test_folder_first_odd_image_named(tmp_path, odd):
    written(tmp_path, ["a.png", "b.png", "e.png"])
    written(tmp_path, ["c.png", "d.png"], odd)
    with pytest.raises(InputError, match=r"[cd].png: .*but .*a.png is 6 x 7 x 1 of uint8"):
        loaded(tmp_path)


def test_folder_images_beside_labels_refused(tmp_path):
    """Images beside label folders are refused."""
    written(tmp_path, ["cat/a.png", "dog/b.png", "stray.png"])
    with pytest.raises(InputError, match="stray.png: lies beside folders"):
        loaded(tmp_path)


def test_folder_without_images_refused(tmp_path):
    with pytest.raises(InputError, match="no image in it; PNG, JPEG or TIFF"):
        loaded(tmp_path)


def test_folder_reads_only_what_is_asked(tmp_path):
    """Only the images asked for are read."""
    written(tmp_path, [f"{i:02}.png" for i in range(20)])
    whole = loaded(tmp_path, limit=2)
    # An unreadable file matters only if it is one of the two of either split.
    missed = []
    for path in sorted(tmp_path.iterdir())[1:]:
        content = path.read_bytes()
        path.write_bytes(b"")
        try:
            np.testing.assert_array_equal(loaded(tmp_path, limit=2).train, whole.train)
        except InputError:
            missed.append(path.name)
        path.write_bytes(content)
    assert 3 <= len(missed) <= 4


def images(folder: Path, broken=()):
    """Ten images in two folders of labels; the `broken` ones are cut short."""
    for number in range(10):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(path)
        if number in broken:
            path.write_bytes(path.read_bytes()[:40])
    return DataOptions(source=f"folder:{folder}")


@pytest.mark.parametrize("broken", [(0, 3), (3, 9)])
def test_folder_broken_images_counted_and_left_out(broken, tmp_path):
    """Broken images are named and counted and left out if asked."""
    options = images(tmp_path, broken)
    first = min(f"{'ab'[number % 2]}/{number}.png" for number in broken)
    named = f"[ab]/({'|'.join(map(str, broken))})"
    with pytest.raises(InputError, match=f"{named}.png: .*of [0-9]+ images read [12] are broken"):
        load(options, seed=0)
    dataset = load(DataOptions(source=options.source, skip_broken=True), seed=0)
    assert len(dataset.train) + len(dataset.test) == 8
    values = np.concatenate([dataset.train, dataset.test])[:, 0, 0, 0]
    assert not set(np.round(values * 255)) & {20.0 * number for number in broken}
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    np.testing.assert_array_equal(labels, np.round(values * 255) % 40 == 20)
    assert any(f"2 of 10 image files, the first {tmp_path}/{first}" in n for n in dataset.notes)


def test_folder_of_broken_images_alone_refused(tmp_path):
    """Where all images are broken there is nothing to leave out."""
    options = images(tmp_path, range(10))
    with pytest.raises(InputError, match="10 of 10 image files are broken"):
        load(DataOptions(source=options.source, skip_broken=True), seed=0)
