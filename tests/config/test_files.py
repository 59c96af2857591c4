"""Config files, overrides, saved configs and the faults they report."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest

from avae_jax.config import files
from avae_jax.config.options import DataOptions, ModelOptions, Options
from avae_jax.config.validation import check
from avae_jax.core.errors import InputError
from tests.support import ROOT

CONFIGS = ("digits", "mnist", "mnist_idx", "modelnet10", "solids", "stack")


def overridden(*overrides):
    return files.to_options(files.apply_overrides(files.to_config(Options()), overrides))


def fault(*overrides):
    with pytest.raises(InputError) as raised:
        overridden(*overrides)
    return str(raised.value)


def write(folder, text, name="mine.py"):
    path = folder / name
    path.write_text(text)
    return path


def test_default_config_is_the_default_options():
    assert files.to_options(files.to_config(Options())) == Options()
    assert check(Options()) == Options()


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("form", ["configs/{}.py", "{}.py", "{}"])
def test_load_file_packaged_from_any_directory(name, form, tmp_path, monkeypatch):
    """Packaged configs load from any directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AVAE_DATA", raising=False)
    files.to_options(files.load_file(form.format(name)))
    assert list(tmp_path.iterdir()) == []


def test_load_file_packaged_names_the_data_folder(monkeypatch):
    """Packaged configs name the data folder."""
    monkeypatch.setenv("AVAE_DATA", "/some/where")
    assert files.load_file("mnist_idx").data.source == "idx:/some/where/mnist"
    monkeypatch.delenv("AVAE_DATA")
    chairs = files.load_file("modelnet10").data.source
    assert chairs == "npz:data/modelnet10/chair_32.npz"


def test_load_file_at_hand_before_packaged(tmp_path, monkeypatch):
    """A file at hand comes before a packaged config."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert files.load_file("digits").data.source == "digits"
    write(
        tmp_path,
        "from ml_collections import ConfigDict\n"
        "def get_config():\n    return ConfigDict({'seed': 7})\n",
        "digits.py",
    )
    assert files.load_file("digits.py").seed == 7


def test_load_file_full_or_only_edits(tmp_path):
    """A file may be full or hold only edits."""
    full = write(
        tmp_path,
        "from avae_jax.config.files import to_config\n"
        "from avae_jax.config.options import Options\n"
        "def get_config():\n"
        "    config = to_config(Options())\n"
        "    config.data.size = 40\n"
        "    config.model.hidden = [64]\n"
        "    return config\n",
    )
    edits = write(
        tmp_path,
        "from ml_collections import ConfigDict\n"
        "def get_config():\n"
        "    return ConfigDict({'data': {'size': 40}, 'model': {'hidden': [64]}})\n",
        "edits.py",
    )
    options = files.to_options(files.load_file(full))
    assert options == files.to_options(files.load_file(edits))
    assert options.data == DataOptions(size=40)
    assert options.model == ModelOptions(hidden=(64,))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edits.py", "mine.py"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "wanted a function get_config()"),
        ("def get_config(:", "SyntaxError"),
        ("import json\n\njson.dumps(set())", "line 3: TypeError"),
        ("def get_config():\n    return {}", "wanted a ConfigDict"),
        ("def get_config():\n    return 1 / 0", "line 2: ZeroDivisionError"),
        ("get_config = 3", "wanted a function get_config()"),
    ],
)
def test_load_file_that_is_no_config_named(text, said, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as raised:
        files.load_file(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["nope", "", "configs", "other/digits.py", "digits.json"])
def test_load_file_unknown_lists_the_known(name):
    """A config that does not exist lists those that do."""
    with pytest.raises(InputError, match="digits, mnist, mnist_idx, modelnet10, solids, stack"):
        files.load_file(name)


def test_apply_overrides_by_type_of_field():
    """Overrides are read by the type of their field."""
    options = overridden(
        "data.size=40",
        "data.fill=0.25",
        "data.source=npz:/some/a=b.npz",
        "model.hidden=512,256",
        "model.channels=(8,)",
        "train.search=False",
        "train.learning_rate=1",
        "search.starts=12",
        "search.method=none",
    )
    assert options.data == DataOptions(source="npz:/some/a=b.npz", size=40, fill=0.25)
    assert options.model == ModelOptions(hidden=(512, 256), channels=(8,))
    assert options.train.search is False
    assert options.train.learning_rate == 1.0
    assert isinstance(options.train.learning_rate, float)
    assert (options.search.starts, options.search.method) == (12, None)
    assert overridden("data.fill=0.1,0.2").data.fill == (0.1, 0.2)
    assert overridden("data.fill=border").data.fill == "border"
    assert overridden("data.window=-1,2").data.window == (-1.0, 2.0)


def test_apply_overrides_leaves_its_input():
    """Overrides leave the config they edit alone."""
    base = files.to_config(Options())
    files.apply_overrides(base, ["seed=3", "data.size=40"])
    assert base == files.to_config(Options())


def test_to_options_reports_all_faults_at_once():
    """All faults are reported at once."""
    said = fault(
        "data.sise=40",
        "train.steps=many",
        "family=spin",
        "search.preset=best",
        "data.source=floppy:a",
        "model.hidden=512,0",
        "search.starts=4",
        "search.keep=5",
        "ranges.scale=0.5",
    )
    assert said.splitlines() == [said]
    reported = said.removeprefix("bad config: ").split("; ")
    assert [text.partition("=")[0] for text in reported] == [
        "data.sise",
        "data.source",
        "family",
        "ranges.scale",
        "model.hidden",
        "search.preset",
        "search.keep",
        "train.steps",
    ]
    assert reported[0] == "data.sise='40': no such field, did you mean data.size?"
    assert reported[3] == "ranges.scale=0.5: at least 1.0"
    assert reported[5] == "search.preset='best': one of original, fast, thorough"
    assert reported[6] == "search.keep=5: at most search.starts=4"
    assert reported[7] == "train.steps='many': an integer, at least 0"


def test_to_options_section_set_to_a_value():
    """A section set to a value stays a fault."""
    assert "data='3': a section" in fault("data=3", "data.size=40")


def test_apply_overrides_wants_a_value():
    """An override without a value is refused."""
    assert "wanted path.to.field=value" in fault("data.size")


def test_save_and_load_keep_every_field(tmp_path):
    """Saving and loading keep every field."""
    options = overridden("model.hidden=7", "data.fill=0.1,0.2", "search.starts=9", "seed=3")
    path = tmp_path / "config.json"
    files.save(options, path)
    assert files.load_saved(path) == options
    assert files.from_dict(files.to_dict(options)) == options
    assert files.to_options(files.to_config(options)) == options
    assert list(tmp_path.iterdir()) == [path]


def test_load_saved_before_a_field_existed(tmp_path):
    """A saved config from before a field existed still loads."""
    path = write(tmp_path, '{"seed": 3}', "config.json")
    assert files.load_saved(path) == dataclasses.replace(Options(), seed=3)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "not the JSON of a config"),
        ('{"seed": 3', "not the JSON of a config"),
        ('{"seed": 3, "seed": 4}', "a name stands there twice"),
        ("[3]", "wanted a JSON object"),
        ('{"sede": 3}', "no such field, did you mean seed?"),
        ('{"data": {"scale": NaN}}', "data.scale=nan: a finite number"),
        ("__import__('os')", "not the JSON of a config"),
    ],
)
def test_load_saved_damaged_named(text, said, tmp_path):
    """A damaged saved config is named."""
    path = write(tmp_path, text, "config.json")
    with pytest.raises(InputError) as raised:
        files.load_saved(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_load_saved_no_file_named(tmp_path):
    """A saved config that is no file is named."""
    with pytest.raises(InputError, match="cannot be read"):
        files.load_saved(tmp_path)


def test_differences_only_of_fields_that_may_not_change():
    """Only some fields may change."""
    old = Options()
    free = overridden("train.steps=5", "eval.examples=9", "log.every=3", "search.chunk=7")
    assert files.differences(old, free) == []
    bound = overridden("train.batch_size=5", "model.hidden=9", "family=affine")
    assert files.differences(old, bound) == [
        "family=affine: was rotation",
        "model.hidden=9: was 512,512",
        "train.batch_size=5: was 128",
    ]


@pytest.mark.standard
def test_configs_travel_with_the_built_package(tmp_path):
    pytest.importorskip("setuptools", reason="setuptools is not installed: it builds the package")
    for name in ("avae_jax", "configs"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name)
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / "source")
    built, elsewhere = tmp_path / "built", tmp_path / "elsewhere"
    elsewhere.mkdir()
    build = [sys.executable, "setup.py", "--quiet", "build", "--build-lib", str(built)]
    subprocess.run(build, cwd=tmp_path / "source", check=True, capture_output=True)
    code = (
        "from avae_jax.config import files; "
        "print(*(str(files.find_file(f'configs/{name}.py')) for name in files.packaged()))"
    )
    asked = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(built)},
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = [str(built / "avae_jax" / "configs" / f"{name}.py") for name in CONFIGS]
    assert asked.stdout.split() == wanted
    assert (built / "avae_jax" / "py.typed").exists()
    for part in ("report/scripts", "report/styles", "report/templates"):
        assert {path.name for path in (built / "avae_jax" / part).rglob("*.*")} == {
            path.name for path in (ROOT / "avae_jax" / part).rglob("*.*")
        }
    assert list(elsewhere.iterdir()) == []


def test_save_writes_plain_json(tmp_path):
    """Saved config is plain json."""
    files.save(Options(), tmp_path / "config.json")
    nested = json.loads((tmp_path / "config.json").read_text())
    assert nested["model"]["hidden"] == [512, 512]
    assert nested["search"]["starts"] is None
