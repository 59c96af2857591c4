"""Files that point at others, or at their own parts: nothing dangles, nothing is left out."""

import h5py
import numpy as np
import pytest
from PIL import Image

from avae_jax.alignment.align import asked
from avae_jax.config.modes import Request
from avae_jax.config.options import DataOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from avae_jax.data.loading import load
from tests.support.written_stacks import moved, opened, refused

COUNT, SIDES = 6, (8, 9)
IMAGES = np.random.default_rng(0).integers(0, 250, (COUNT, *SIDES)).astype(np.uint8)


# References in HDF5


def cell(file):
    """A cell array as MATLAB keeps it: references to data sets of a group."""
    parts = [
        file.create_dataset(f"#refs#/{name}", data=np.eye(4) + k) for k, name in enumerate("ab")
    ]
    file["cell"] = np.array([part.ref for part in parts], dtype=h5py.ref_dtype)


def same_cell(file):
    for k, ref in enumerate(file["cell"][()]):
        np.testing.assert_array_equal(file[ref], np.eye(4) + k)


def scales(file):
    file["time"], file["stack"].dims[0].label = np.arange(COUNT), "t"
    file["time"].make_scale("time")
    file["stack"].dims[0].attach_scale(file["time"])


def same_scales(file):
    assert file["stack"].dims[0]["time"] == file["time"] and file["time"].is_scale
    assert file[file["time"].attrs["REFERENCE_LIST"][0][0]] == file["stack"]


def table(file):
    """A column of references within records, one in an attribute, and lists of them: NWB."""
    group = file.create_group("session")
    kind = np.dtype([("index", "i4"), ("series", h5py.ref_dtype)])
    file["table"] = np.array([(3, file["stack"].ref), (4, group.ref)], dtype=kind)
    group.attrs["source"] = file["stack"].ref
    lists = file.create_dataset("lists", (2,), h5py.vlen_dtype(h5py.ref_dtype))
    lists[0] = np.array([file["stack"].ref, group.ref], dtype=h5py.ref_dtype)


def same_table(file):
    assert file[file["table"][0]["series"]] == file["stack"]
    assert file[file["table"][1]["series"]] == file["session"]
    assert file[file["session"].attrs["source"]] == file["stack"]
    assert [file[ref].name for ref in file["lists"][0]] == ["/stack", "/session"]


def regions(file):
    file["other"] = np.arange(20)
    made = [file["stack"].regionref[1:3], file["other"].regionref[4:9]]
    file["regions"] = np.array(made, dtype=h5py.regionref_dtype)


def same_regions(file):
    first, second = file["regions"][()]
    assert file[first] == file["stack"] and file["stack"].regionref.selection(first) == (2, *SIDES)
    np.testing.assert_array_equal(file["other"][second], np.arange(4, 9))


def names(file):
    """One data set by two names, a soft link, a type by name, a link to the root."""
    file["second"], file["soft"] = file["stack"], h5py.SoftLink("/stack")
    file["kind"] = np.dtype("f4")
    file.create_dataset("of_kind", (2,), file["kind"])
    file["root"] = file["/"]


def same_names(file):
    assert file["second"] == file["soft"] == file["stack"] == file["root/stack"]
    assert file["of_kind"].id.get_type().committed()


@pytest.mark.parametrize(
    ("more", "same"),
    [
        (cell, same_cell),
        (scales, same_scales),
        (table, same_table),
        (regions, same_regions),
        (names, same_names),
    ],
)
@pytest.mark.parametrize("how", [{}, {"chunks": (4, 8, 9), "compression": "gzip", "shuffle": True}])
def test_references_of_hdf5_lead_to_the_same_objects(more, same, how, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("stack", data=IMAGES, **how)
        more(file)
    before = path.read_bytes()
    target = moved(path, tmp_path, "" if more is not names else ":stack")
    assert path.read_bytes() == before
    with h5py.File(target) as file:
        same(file)
        assert file["stack"].compression == how.get("compression")


# MATLAB


def save_matlab(path, arrays):
    """As MATLAB 7.3: a block of 512 bytes, axes counted from the other end."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.transpose()
            file[name].attrs["MATLAB_class"] = np.bytes_(array.dtype.name)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + b"\0\2IM")


@pytest.mark.parametrize("array", [np.moveaxis(IMAGES, 0, -1), np.ones((8, 9, 3, COUNT), "f8")])
def test_matlab_files_are_read_as_matlab_shows_them_and_keep_their_block(array, tmp_path):
    path = tmp_path / "x.mat"
    save_matlab(path, {"stack": array, "weights": np.ones((2, 2))})
    np.testing.assert_array_equal(opened(path), np.moveaxis(array, -1, 0))
    target = moved(path, tmp_path)
    assert target.read_bytes()[:512] == path.read_bytes()[:512]


@pytest.mark.parametrize("size", [512, 1024, 65536])
def test_any_block_before_hdf5_is_kept(size, tmp_path):
    path = tmp_path / "x.dat"
    with h5py.File(path, "w", userblock_size=size) as file:
        file["stack"] = IMAGES
    with open(path, "r+b") as file:
        file.write(b"note of the camera" * 10)
    assert moved(path, tmp_path).read_bytes()[:size] == path.read_bytes()[:size]


def test_an_old_matlab_file_is_named(tmp_path):
    (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(2000))
    assert "save(..., '-v7.3')" in refused(tmp_path / "x.mat")


# Filters


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (32001, r"Blosc \(32001\).*pip install hdf5plugin"),
        (32008, r"Bitshuffle \(32008\).*hdf5plugin"),
        (32015, r"Zstandard \(32015\).*hdf5plugin"),
        (32026, r"Blosc2 \(32026\).*hdf5plugin"),
        (305, r"LZO \(305\).*h5repack"),
        (61234, r"\(61234\).*h5repack"),
    ],
)
def test_a_filter_that_is_not_there_is_named(number, words, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hdf5plugin", None)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        listed = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        listed.set_chunk((1, *SIDES))
        listed.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        space, kind = h5py.h5s.create_simple(IMAGES.shape), h5py.h5t.py_create(IMAGES.dtype)
        made = h5py.h5d.create(file.id, b"stack", kind, space, listed)
        for k, image in enumerate(IMAGES):
            made.write_direct_chunk((k, 0, 0), image.tobytes(), 0)
    with pytest.raises(InputError, match=f"x.h5: /stack: compressed by.*{words}"):
        with open_stack(str(tmp_path / "x.h5")):
            pass


# A data set for each image


def save_eman(path, images, **attributes):
    with h5py.File(path, "w") as file:
        file.create_group("MDF/images").attrs["imageid_max"] = np.int32(len(images) - 1)
        for k, image in enumerate(images):
            group = file.create_group(f"MDF/images/{k}")
            group["image"] = image
            group.attrs["EMAN.apix_x"] = np.float32(2.5 + k)
            for name, value in attributes.items():
                group.attrs[f"EMAN.{name}"] = value


@pytest.mark.parametrize("rest", [(8, 9), (1, 8, 9), (8, 8, 8)])
def test_eman2_keeps_an_image_a_data_set_in_order_of_numbers(rest, tmp_path):
    images = np.random.default_rng(1).normal(size=(12, *rest)).astype(np.float32)
    save_eman(tmp_path / "x.hdf", images, mean=np.float32(7))
    np.testing.assert_array_equal(
        opened(tmp_path / "x.hdf"), images.reshape(12, *[n for n in rest if n > 1])
    )
    with h5py.File(moved(tmp_path / "x.hdf", tmp_path)) as file:
        np.testing.assert_array_equal(file["MDF/images/1/image"], images[10])
        assert file["MDF/images/11"].attrs["EMAN.apix_x"] == 13.5
        assert np.isclose(file["MDF/images/1"].attrs["EMAN.mean"], images[10].mean())


def test_one_eman2_volume_is_one_example(tmp_path):
    save_eman(tmp_path / "x.hdf", np.ones((1, 8, 9, 10), "f4"))
    assert opened(tmp_path / "x.hdf").shape == (1, 8, 9, 10)


def test_eman2_images_of_few_bits_have_scales_of_their_own(tmp_path):
    path = tmp_path / "x.hdf"
    save_eman(path, IMAGES, stored_renderbits=8, stored_rendermin=-1.0, stored_rendermax=3.0)
    with h5py.File(path, "r+") as file:
        file["MDF/images/2"].attrs["EMAN.stored_rendermax"] = 7.0
    wanted = IMAGES / 255 * np.where(np.arange(COUNT) == 2, 8, 4)[:, None, None] - 1
    with open_stack(str(path)) as stack:
        np.testing.assert_allclose(stack.read(0, COUNT), wanted, atol=1e-6)
        stack.write(tmp_path / "made.hdf", [wanted[::-1]])
    np.testing.assert_allclose(opened(tmp_path / "made.hdf"), wanted[::-1], atol=4 / 255)
    with h5py.File(tmp_path / "made.hdf") as file:
        assert file["MDF/images/3/image"].dtype == np.uint8


@pytest.mark.parametrize(
    "name", ["{}", "frame_{:03}", "images/{}", "run/img{}.raw", "scan/{}/data", "entry2/{}/x"]
)
def test_numbered_data_sets_are_a_stack(name, tmp_path):
    path, images = tmp_path / "x.h5", np.tile(IMAGES, (2, 1, 1))
    with h5py.File(path, "w") as file:
        for k, image in enumerate(images):
            file[name.format(k)] = image
        file["labels"] = np.arange(len(images))
    np.testing.assert_array_equal(opened(path), images)
    with h5py.File(moved(path, tmp_path)) as file:
        np.testing.assert_array_equal(file[name.format(10)], images[1])


def test_numbered_data_sets_that_differ_are_named(tmp_path):
    save_eman(tmp_path / "x.hdf", [*IMAGES, np.ones((9, 9), "u1")])
    assert "images/6/image (9, 9) uint8, but MDF/images/0/image is (8, 9)" in refused(
        tmp_path / "x.hdf"
    )


def test_a_group_may_be_named(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for k, image in enumerate(IMAGES):
            file[f"a/{k}"], file[f"b/{k}"] = image, 250 - image
        file["c/stack"] = IMAGES
    np.testing.assert_array_equal(opened(f"{tmp_path / 'x.h5'}:b"), 250 - IMAGES)
    np.testing.assert_array_equal(opened(f"{tmp_path / 'x.h5'}:c"), IMAGES)
    moved(tmp_path / "x.h5", tmp_path, ":a")


# Folders


def save_images(folder, images=IMAGES):
    folder.mkdir(parents=True)
    for k, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{k}.png")
    return folder


@pytest.mark.parametrize("how", ["folder", "absolute", "nested", "file", "top"])
def test_links_in_a_folder_are_followed(how, tmp_path):
    top, other = save_images(tmp_path / "top" / "a").parent, save_images(tmp_path / "b", IMAGES[:4])
    extra = {f"z/{k}.png" for k in range(4)}
    if how in ("folder", "absolute"):
        (top / "z").symlink_to("../b" if how == "folder" else other, target_is_directory=True)
    elif how == "nested":
        (other / "more").symlink_to(save_images(tmp_path / "c", IMAGES[:1]))
        (top / "z").symlink_to(other)
        extra |= {"z/more/0.png"}
    elif how == "file":
        (top / "z.png").symlink_to(other / "0.png")
        extra = {"z.png"}
    else:
        (tmp_path / "link").symlink_to(top)
        top, extra = tmp_path / "link", set()
    with open_stack(str(top)) as stack:
        assert set(stack.keys) == {f"a/{k}.png" for k in range(COUNT)} | extra
        stack.write(tmp_path / "made", [stack.read(0, stack.shape[0])])
    assert not any(path.is_symlink() for path in (tmp_path / "made").rglob("*"))
    with open_stack(str(tmp_path / "made")) as stack:
        assert len(stack.keys) == COUNT + len(extra)


@pytest.mark.parametrize("goal", [".", "..", "../..", "../b"])
def test_a_loop_of_links_is_refused(goal, tmp_path):
    top = save_images(tmp_path / "top" / "a").parent
    (top / "a" / "loop").symlink_to(goal)
    (top / "b").symlink_to("a")
    words = refused(top)
    assert "loop: a link by which" in words and "contains itself" in words
    with pytest.raises(InputError, match="contains itself"):
        load(DataOptions(source=f"folder:{top}"), seed=0)


@pytest.mark.parametrize("name", ["a/9.png", "gone", "a/gone", "data.v2"])
def test_a_link_that_leads_nowhere_is_said(name, tmp_path):
    top = save_images(tmp_path / "top" / "a").parent
    (top / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"{name}: a link that leads nowhere"):
        opened(top)
    with pytest.raises(InputError, match=f"{name}: a link that leads nowhere"):
        load(DataOptions(source=f"folder:{top}"), seed=0)


@pytest.mark.parametrize("name", ["a/9.png", "itself"])
def test_a_link_to_itself_leads_nowhere(name, tmp_path):
    top = save_images(tmp_path / "top" / "a").parent
    (top / name).symlink_to((top / name).name)
    for path in (top, top / name):
        with pytest.raises(InputError, match=f"{name}: a link that leads nowhere"):
            opened(path)


def test_a_name_that_no_file_can_have_is_said(tmp_path):
    assert "name too long" in refused(tmp_path / ("x" * 300)).lower()


def test_a_broken_link_to_an_image_can_be_left_out(tmp_path):
    top = save_images(tmp_path / "top")
    (top / "9.png").symlink_to(tmp_path / "nowhere")
    (top / "notes.txt").symlink_to(tmp_path / "nowhere")
    loaded = load(DataOptions(source=f"folder:{top}", skip_broken=True), seed=0)
    assert any("1 of 7 image files" in note for note in loaded.notes)


def test_an_output_that_holds_examples_by_a_link_is_refused(tmp_path):
    top = save_images(tmp_path / "top" / "a").parent
    (top / "z").symlink_to(save_images(tmp_path / "aligned" / "x"))
    with pytest.raises(InputError, match="holds examples of the input"):
        with asked(Request(input=str(top), output=tmp_path / "aligned"), Options()):
            pass


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array(["b", "a"] * 3), ("a", "b")),
        (np.array(["b", "a"] * 3, object), ()),
        (np.array([{}, None] * 3, object), ()),
        (np.array([3, 1] * 3, object), ()),
    ],
)
def test_images_are_read_whatever_their_labels_are(labels, names, tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=labels)
    loaded = load(DataOptions(source=f"npz:{tmp_path / 'x.npz'}"), seed=0)
    assert loaded.label_names == names
    said = any("labels=labels.astype(str)" in note for note in loaded.notes)
    assert said == (labels.dtype == object)
    np.testing.assert_array_equal(opened(tmp_path / "x.npz"), IMAGES)
    moved(tmp_path / "x.npz", tmp_path)
