"""The documentation tells the truth: its code runs, its commands exist, its sentences are said."""

import contextlib
import importlib
import io
import json
import re
import shlex
import subprocess
import tomllib

import jax
import matplotlib
import numpy as np
import pytest
from PIL import Image

import avae_jax
from avae_jax import main
from avae_jax.config import choices, files
from avae_jax.config.flags import parser, words_of_command
from avae_jax.config.modes import request_of
from avae_jax.config.options import Options, fields
from avae_jax.core.atomic_files import locked
from avae_jax.core.errors import InputError
from tests.support import ROOT
from tests.support.doc_pages import MAIN, PAGES, blocks_of, commands_of, spans_of, text_of


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser")
def test_page_python_for_pytorch_runs():
    pytest.importorskip("torch", reason="torch is missing: install the extra `benchmark`")
    blocks = [
        block.code for block in blocks_of("docs/how_to/own_vae.md") if block.language == "python"
    ]
    names = {}
    for code in (blocks[0], next(code for code in blocks if "import torch" in code)):
        exec(code, names)
    assert names["foreign"].pose(names["upright"][:3]).shape == (3, 3, 3)


# What a page's code leaves behind is looked at too.
FINITE = {
    "README.md": ("upright", "drawn"),
    "docs/how_to/extend.md": ("terms",),
    "docs/understand/concepts.md": ("by_weights", "by_pose"),
    "docs/how_to/own_vae.md": ("bound", "codes", "drawn", "served"),
    "docs/start/quick_start.md": ("canonical", "drawn"),
}


@pytest.fixture
def here(digits, tmp_path, monkeypatch):
    """The folder in which code of a page runs: a small model, and what the code writes itself."""
    workdir, _ = digits
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(workdir)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tables():
    """Takes out of the tables of choices what the code of a page puts in."""
    known = [table for table in vars(choices).values() if isinstance(table, choices.Table)]
    loaded = [
        getattr(importlib.import_module(f"avae_jax.{table.module}"), table.name) for table in known
    ]
    before = [dict(table) for table in loaded]
    yield
    for table, entries in zip(loaded, before, strict=True):
        table.clear()
        table.update(entries)


def given_by(code, names):
    """What code prints, or the sentence with which it refuses."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, names)
    except InputError as error:
        return str(error)
    return printed.getvalue().strip()


def run_python(page, *, foreign):
    """The names that the Python of a page leaves, block by block in one namespace.

    Args:
      foreign: whether code for PyTorch runs too.
    """
    names = {}
    for block in blocks_of(page):
        if block.language != "python" or ("import torch" in block.code and not foreign):
            continue
        if block.given is None:
            exec(block.code, names)
        else:
            assert given_by(block.code, names) == block.given
    return names


def with_python(page):
    return any(block.language == "python" for block in blocks_of(page))


def marked(page):
    """A page with the ring of its code: most train, wrap or draw for long."""
    short = page in ("docs/understand/concepts.md", "docs/how_to/extend.md")
    return pytest.param(page, marks=pytest.mark.standard if short else pytest.mark.full)


@pytest.mark.usefixtures("for_an_optimiser", "tables")
@pytest.mark.parametrize("page", list(map(marked, filter(with_python, PAGES))))
def test_page_python_runs(page, here):
    matplotlib.use("agg")
    names = run_python(page, foreign=False)
    for name in FINITE.get(page, ()):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(names[name])), name
    if page == "docs/how_to/own_vae.md":
        np.testing.assert_allclose(names["served"]["pose"][:3], names["found"].pose, atol=1e-3)
        # Encoded and decoded, for the bank.
        for name in ("linen", "net", "haiku"):
            assert np.isfinite(names[name].trained.bank.weights).all()
    if page == "docs/understand/conventions.md":
        committed = np.asarray(
            Image.open(ROOT / "docs" / "figures" / "poses.png").convert("L"), float
        )
        drawn = np.asarray(Image.open(here / "poses.png").convert("L"), float)
        assert np.abs(committed - drawn).mean() < 3


def check_main(arguments):
    """Checks that the command line takes these arguments: flags, mode, config, overrides."""
    given = [word for word in arguments if word.startswith("--config.")]
    flags = parser().parse_args([word for word in arguments if word not in (*given, "--help")])
    for name in (flags.config,) if flags.config else ():
        chosen = files.load_file(ROOT / name if name.startswith("configs/") else name)
        overrides = [word.removeprefix("--config.") for word in given]
        files.to_options(files.apply_overrides(chosen, overrides))
    if not flags.config:
        # `NAME` stands for any of them.
        named = {word.removeprefix("--config.").partition("=")[0] for word in given} - {"NAME"}
        assert named <= set(fields())
    if flags.input or flags.mode == "plan":
        request_of(flags.mode, vars(flags))


def check_benchmark(name, arguments):
    """Checks that a benchmark exists and that its source names every flag."""
    module = ROOT / name.replace(".", "/")
    source = (module / "__main__.py" if module.is_dir() else module.with_suffix(".py")).read_text()
    assert all(f'"{word}"' in source for word in arguments if word.startswith("--"))


def check_extras(arguments):
    """Checks that what `pip install` is to bring of this package is an extra of it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"(?:avae_jax|\.)\[(.*?)\]", " ".join(arguments)):
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()


def check_launcher(words):
    """Checks that a launcher prints what it would run."""
    if len(words) > 1:
        called = [ROOT / words[0], "--dry-run", *words[1:]]
        subprocess.run(called, check=True, capture_output=True)
    assert (ROOT / words[0]).exists()


def check(words):
    """Checks one command line, by a rule for each kind there is."""
    if words[:3] == MAIN:
        check_main(words[3:])
    elif words[0] == "avae":
        check_main(words_of_command(words[1:]))
    elif words[0] == "eval":
        check(words[1].removeprefix("$(").removesuffix(")").split())
    elif words[0].startswith("launch/"):
        check_launcher(words)
    elif words[:2] == ["pip", "install"]:
        check_extras(words[2:])
    elif words[:2] == ["python", "-m"] and words[2].startswith(("benchmarks.", "tests.")):
        check_benchmark(words[2], words[3:])
    elif words[0] == "python" and words[1].endswith(".py"):
        assert (ROOT / words[1]).exists()
    else:
        known = (["python", "-m"], ["python3", "-m"])
        assert words[:2] in known and words[2] in ("venv", "pytest", "sphinx"), words


# Those of the page on trouble are refused, as another test sees.
@pytest.mark.parametrize("page", [page for page in PAGES if "troubleshoot" not in page])
def test_page_commands_exist(page):
    for words in commands_of(page):
        try:
            check(words)
        except (AssertionError, InputError, SystemExit) as error:
            pytest.fail(f"{page}: {shlex.join(words)}: {error}")


@pytest.mark.parametrize("page", PAGES)
def test_page_options_exist(page):
    """The options that a page names exist."""
    sections = {name.partition(".")[0] for name in fields() if "." in name}
    for span in spans_of(page):
        named = re.fullmatch(r"([a-z]+)\.([a-z_]+|\*)(=.*)?", span)
        # data.json is a file.
        if not named or named[1] not in sections or named[2] in ("*", "json"):
            continue
        assert f"{named[1]}.{named[2]}" in fields(), f"{page}: {span}"
        if named[3] and "," not in named[3]:
            overrides = [span]
            files.to_options(files.apply_overrides(files.to_config(Options()), overrides))


@pytest.fixture
def trouble(tmp_path, monkeypatch):
    """What the commands of the page on trouble meet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AVAE_DATA", raising=False)
    even = np.linspace(0, 1, 200 * 16 * 16, dtype=np.float32).reshape(200, 16, 16)
    broken = even.copy()
    broken[7, 3, 3] = np.nan
    np.savez("mine.npz", images=np.linspace(-3, 4, even.size).reshape(even.shape))
    np.savez("broken.npz", images=broken)
    np.savez("few.npz", images=even[:50])
    np.savez("two.npz", a=np.zeros((9, 8, 8)), b=np.zeros((9, 8, 8)))
    for folder in ("photos", "runs/eight", "runs/busy"):
        (tmp_path / folder).mkdir(parents=True)
    for name, width in (("0", 20), ("1", 24)):
        Image.fromarray(np.zeros((20, width), np.uint8)).save(f"photos/{name}.png")
    digits = files.to_options(files.load_file("digits"))
    files.save(digits, tmp_path / "runs" / "eight" / "config.json")
    with locked(tmp_path / "runs" / "busy"), jax.numpy_dtype_promotion("standard"):
        yield
    jax.config.update("jax_platforms", "cpu")


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser", "trouble")
def test_troubleshooting_quotes_what_is_said(capsys):
    """The page on trouble quotes what is said."""
    quoted = [b for b in blocks_of("docs/how_to/troubleshoot.md") if b.language == "sh"]
    assert len(quoted) > 15
    for block in quoted:
        words = shlex.split(block.code)
        assert words[:3] == MAIN
        status = main.main(words[3:])
        said = capsys.readouterr().err.strip().splitlines()[-1]
        pattern = ".*".join(map(re.escape, block.given.split("...")))
        assert re.fullmatch(pattern, said), f"{block.code}{said}"
        assert status == (1 if "learning_rate" in block.code else 2)


def rows_of(text):
    """The rows of the tables of a page, without their heads, as lists of cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_costs_page_quotes_what_was_measured():
    """The rows of the presets on the page of costs are those of the committed measurement."""
    cases = json.loads((ROOT / "benchmarks" / "results" / "search.json").read_text())["cases"]
    keys = {
        "MNIST 40 x 40, rotation (500)": "mnist_rotation",
        "MNIST, `rigid` (500)": "mnist_rigid",
    }
    keys |= {
        "MNIST, `affine` (500)": "mnist_affine",
        "chairs 32^3, rotation (200)": "chairs_rotation",
    }
    keys |= {"chairs 32^3, `rigid` (200)": "chairs_rigid"}
    searches = {"**`fast`**": "fast", "**`thorough`**": "thorough"}
    searches |= {"**`fast`** with `search.learned`": "learned"}
    compared, case = 0, None
    page = text_of("docs/project/costs.md").partition("## On a GPU")[0]
    for name, *numbers in rows_of(page):
        case = keys.get(name, case)
        # The measurements bear the name that this preset had then.
        recipe = "source" if name.startswith("original recipe: 32 random") else None
        key = searches.get(name, recipe)
        if key is None:
            continue
        measured = cases[case][key]
        compared += 1
        assert (numbers[0], *numbers[2:]) == (
            f"{measured['loss']:.2f}",
            f"{100 * measured['within_20']:.1f} %",
            f"{measured['forward_equivalents']:.1f}",
            f"{measured['ms_per_example']:.2f}",
        )
    assert compared == 16


def test_readme_links_lead_somewhere():
    """Every link of the readme leads somewhere."""
    for link in re.findall(r"\]\(([^)#]+)\)", text_of("README.md")):
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_version_is_the_same_everywhere():
    for name in ("pyproject.toml", "CITATION.cff"):
        assert (
            re.search(r"^version(?: =|:) \"?([\d.]+)", text_of(name), re.M)[1]
            == avae_jax.__version__
        )
    assert f"## [{avae_jax.__version__}]" in text_of("CHANGELOG.md")
