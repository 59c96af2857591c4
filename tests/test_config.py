"""Config files, overrides, saved configs and the faults they report."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict

from avae_jax.config import files
from avae_jax.config.options import (
    FAMILIES,
    MAY_CHANGE,
    DataOptions,
    ModelOptions,
    Options,
    fields,
    values,
)
from avae_jax.config.validation import GENERATORS, check
from avae_jax.core.errors import InputError
from avae_jax.transform.families import generator_names

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ("digits", "mnist", "mnist_idx", "modelnet10", "solids", "stack")


def overridden(*overrides):
    return files.to_options(files.apply_overrides(files.default_config(), overrides))


def fault(*overrides):
    with pytest.raises(InputError) as raised:
        overridden(*overrides)
    return str(raised.value)


def write(folder, text, name="mine.py"):
    path = folder / name
    path.write_text(text)
    return path


def test_default_config_is_the_default_options():
    assert files.to_options(files.default_config()) == Options()
    assert check(Options()) == Options()


def test_every_field_has_help_and_a_default_of_its_own_type():
    assert all(field.metadata["help"] for field in fields().values())
    assert list(fields()) == list(values(Options()))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("form", ["configs/{}.py", "{}.py", "{}"])
def test_packaged_configs_load_from_any_directory(name, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AVAE_DATA", raising=False)
    files.to_options(files.load_file(form.format(name)))
    assert list(tmp_path.iterdir()) == []


def test_packaged_configs_name_the_data_folder(monkeypatch):
    monkeypatch.setenv("AVAE_DATA", "/some/where")
    assert files.load_file("mnist_idx").data.source == "idx:/some/where/mnist"
    monkeypatch.delenv("AVAE_DATA")
    chairs = files.load_file("modelnet10").data.source
    assert chairs == "npz:data/modelnet10/chair_32.npz"


def test_a_file_at_hand_comes_before_a_packaged_config(tmp_path, monkeypatch):
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


def test_a_file_may_be_full_or_hold_only_edits(tmp_path):
    full = write(
        tmp_path,
        "from avae_jax.config.files import default_config\n"
        "def get_config():\n"
        "    config = default_config()\n"
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
def test_a_file_that_is_no_config_is_named(text, said, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as raised:
        files.load_file(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["nope", "", "configs", "other/digits.py", "digits.json"])
def test_a_config_that_does_not_exist_lists_those_that_do(name):
    with pytest.raises(InputError, match="digits, mnist, mnist_idx, modelnet10, solids, stack"):
        files.load_file(name)


def test_overrides_are_read_by_the_type_of_their_field():
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


def test_overrides_leave_the_config_they_edit_alone():
    base = files.default_config()
    files.apply_overrides(base, ["seed=3", "data.size=40"])
    assert base == files.default_config()


def test_all_faults_are_reported_at_once():
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
    assert reported[5] == "search.preset='best': one of source, fast, thorough"
    assert reported[6] == "search.keep=5: at most search.starts=4"
    assert reported[7] == "train.steps='many': an integer, at least 0"


@pytest.mark.parametrize(
    "override, rule",
    [
        ("seed=true", "an integer"),
        ("seed=1.0", "an integer"),
        ("seed=-1", "at least 0"),
        ("data.size=none", "an integer"),
        ("data.size=3", "0 or at least 4"),
        ("data.scale=0", "above 0.0"),
        ("data.scale=nan", "a finite number"),
        ("data.scale=inf", "a finite number"),
        ("data.fill=middle", "or border"),
        ("data.window=3,1", "two numbers of which the second is larger"),
        ("data.window=3", "two numbers of which the second is larger"),
        ("data.fill=0.1,a", "or border"),
        ("data.fill=2", "from 0 to 1 where model.likelihood is bernoulli"),
        ("data.source=", "one of digits, solids, idx:..."),
        ("data.source=idx:", "one of digits"),
        ("data.source=digits:a", "one of digits"),
        ("data.pose=", "one of as_is, random"),
        ("family=rotation+", "several joined by +"),
        ("model.hidden=", "a list of integers"),
        ("model.channels=1.5", "a list of integers"),
        ("train.search=1", "true or false"),
        ("search.starts=0", "at least 1"),
        ("search.kind=odd", "one of bank, even, random, right_angles or none"),
        ("data=3", "a section, set its fields such as data.source"),
        ("data.size.x=3", "no such field, data.size is an integer"),
        ("train.search.steps=3", "no such field"),
        ("data.model.x=3", "no such field"),
        ("keys=3", "no such field"),
        ("=3", "no such field"),
        ("..=3", "no such field"),
    ],
)
def test_a_bad_override_names_the_rule(override, rule):
    name = override.partition("=")[0]
    said = fault(override)
    assert said.startswith(f"bad config: {name}=")
    assert rule in said


def test_a_section_set_to_a_value_stays_a_fault():
    assert "data='3': a section" in fault("data=3", "data.size=40")


def test_an_override_without_a_value_is_refused():
    assert "wanted path.to.field=value" in fault("data.size")


def test_values_from_files_obey_the_same_rules():
    given = ConfigDict(
        {
            "data": {"size": "40", "fill": [0.5, 1]},
            "modle": {},
            "seed": True,
            "model": {"latent": 8.0, "hidden": []},
            "train": {"learning_rate": 10**400, "steps": np.int64(5)},
        }
    )
    with pytest.raises(InputError) as raised:
        files.to_options(given)
    reported = str(raised.value).removeprefix("bad config: ").split("; ")
    names = [text.partition("=")[0] for text in reported]
    assert names == [
        "modle",
        "data.size",
        "model.latent",
        "model.hidden",
        "train.learning_rate",
        "seed",
    ]
    assert "did you mean model?" in reported[0]


def test_what_loses_nothing_takes_the_type_of_its_field():
    given = ConfigDict(
        {
            "data": {"scale": 2, "fill": [0, 1]},
            "model": {"hidden": [np.int64(8), 4]},
            "train": {"learning_rate": np.float32(0.5), "steps": np.int64(5)},
        }
    )
    options = files.to_options(given)
    assert (options.data.scale, options.data.fill) == (2.0, (0.0, 1.0))
    assert options.model.hidden == (8, 4)
    assert options.train.steps == 5
    found = [options.data.scale, options.train.learning_rate, options.train.steps]
    assert [type(value) for value in found] == [float, float, int]
    assert hash(options) == hash(files.to_options(given))


def test_options_made_in_code_obey_the_same_rules():
    with pytest.raises(InputError, match="search.keep=9: at most search.starts=8"):
        search = dataclasses.replace(Options().search, starts=8, keep=9)
        check(dataclasses.replace(Options(), search=search))
    with pytest.raises(InputError, match="model.hidden=512: a list of integers"):
        check(Options(model=ModelOptions(hidden=512)))


@pytest.mark.parametrize("d", [2, 3])
def test_every_generator_is_a_family(d):
    names = generator_names(d)
    assert set(names) <= set(GENERATORS)
    for name in (*FAMILIES, *names, "+".join(names)):
        assert overridden(f"family={name}").family == name


def test_saving_and_loading_keep_every_field(tmp_path):
    options = overridden("model.hidden=7", "data.fill=0.1,0.2", "search.starts=9", "seed=3")
    path = tmp_path / "config.json"
    files.save(options, path)
    assert files.load_saved(path) == options
    assert files.from_dict(files.to_dict(options)) == options
    assert files.to_options(files.to_config(options)) == options
    assert list(tmp_path.iterdir()) == [path]


def test_a_saved_config_from_before_a_field_existed_still_loads(tmp_path):
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
def test_a_damaged_saved_config_is_named(text, said, tmp_path):
    path = write(tmp_path, text, "config.json")
    with pytest.raises(InputError) as raised:
        files.load_saved(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_a_saved_config_that_is_no_file_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        files.load_saved(tmp_path)


def test_only_some_fields_may_change():
    old = Options()
    free = overridden("train.steps=5", "eval.examples=9", "log.every=3", "search.chunk=7")
    assert files.differences(old, free) == []
    bound = overridden("train.batch_size=5", "model.hidden=9", "family=affine")
    assert files.differences(old, bound) == [
        "family=affine: was rotation",
        "model.hidden=9: was 512,512",
        "train.batch_size=5: was 128",
    ]


def test_what_may_change_exists():
    for name in MAY_CHANGE:
        assert any(field == name or field.startswith(name) for field in fields())


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
        "from avae_jax import config; "
        "print(*(str(config.find_file(f'configs/{name}.py')) for name in config.packaged()))"
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
    assert len(list((built / "avae_jax" / "report").glob("*.js"))) == 4
    assert list(elsewhere.iterdir()) == []


def test_saved_config_is_plain_json(tmp_path):
    files.save(Options(), tmp_path / "config.json")
    nested = json.loads((tmp_path / "config.json").read_text())
    assert nested["model"]["hidden"] == [512, 512]
    assert nested["search"]["starts"] is None


def test_right_angles_go_with_whole_rotations_alone():
    assert overridden("ranges.right_angles=true").ranges.right_angles
    for other in ("family=rigid", "ranges.rotation=90"):
        said = fault("ranges.right_angles=true", other)
        assert "ranges.right_angles=True: wants family=rotation and ranges.rotation=180" in said
