"""The command line: help, exit statuses, and one sentence for every mistake."""

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import jax
import pytest

import avae_jax.training
from avae_jax import main, report
from avae_jax.config import files
from avae_jax.config.options import Options, fields
from avae_jax.core.errors import InputError, NumericalError
from tests.support import ROOT
from tests.support.report_samples import measured

pytestmark = pytest.mark.standard

HEAVY = ("jax", "orbax", "matplotlib", "tensorflow_datasets", "tensorboardX", "sklearn")


def run(*arguments, cwd, **environment):
    """The finished process of `python -m avae_jax.main` with these arguments."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "avae_jax.main", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(*arguments, cwd, **environment):
    """The one sentence with which the process refuses these arguments."""
    done = run(*arguments, cwd=cwd, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("avae_jax: ")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.fixture
def loop(monkeypatch):
    """Stands for the host loop and records what it is called with."""
    calls = []
    modes = {
        mode: lambda options, workdir, mode=mode: calls.append((mode, options, workdir))
        for mode in ("train", "evaluate")
    }
    stand_in = types.SimpleNamespace(calls=calls, **modes)
    monkeypatch.setitem(sys.modules, "avae_jax.training.loop", stand_in)
    monkeypatch.setattr(avae_jax.training, "loop", stand_in, raising=False)
    return stand_in


def test_help_explains_flags_examples_and_results(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    for text in (
        "--config FILE",
        "--workdir DIR",
        "{train,evaluate,align,fit-align,compare,plan}",
        "{auto,cpu,gpu,tpu}",
        "--config.path.to.field=value",
        "python -m avae_jax.main --config configs/solids.py --workdir runs/solids",
        "report/index.html",
        "digits, mnist",
        "train.steps, eval.*, log.*, search.chunk, search.unroll",
    ):
        assert re.sub(r"\s+", " ", text) in re.sub(r"\s+", " ", done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert list(tmp_path.iterdir()) == []


def test_list_options_names_every_field(tmp_path):
    done = run("--list-options", cwd=tmp_path)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(fields())
    assert "starts R scored per example [an integer or none, at least 1]" in done.stdout
    assert "512,512" in done.stdout


def test_main_imports_nothing_heavy_before_sound_flags(tmp_path):
    """Nothing heavy is imported before the flags are sound."""
    code = f"import sys, avae_jax.main; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--confg=digits"], "unrecognized arguments: --confg=digits, did you mean --config?"),
        (["--train.steps=50"], "did you mean --config.train.steps=50?"),
        (["--list_options"], "did you mean --list-options?"),
        (["--platform", "cuda"], "cuda is --platform gpu"),
        (["--mode", "fit-align", "--input", "none.npy", "--output", "o"], "none.npy: no such file"),
        (["--config.data.source=npz:none.npz"], "none.npz: no such file"),
        (["--conf", "digits"], "unrecognized arguments"),
        (["digits"], "unrecognized arguments: digits"),
        (["--mode", "trian"], "argument --mode: invalid choice"),
        (["--platform", "abacus"], "argument --platform: invalid choice"),
        (["--config"], "argument --config: expected one argument"),
        (["--config", "nope"], "nor one of digits, mnist, mnist_idx, modelnet10, solids, stack"),
        (["--config="], "config '': no such file"),
        (["--workdir="], "--workdir: empty"),
        (["--config.data.size"], "wanted path.to.field=value"),
        (["--config.data.size", "8"], "override 'data.size': wanted path.to.field=value, without"),
        (["--config.data.sise=3"], "data.sise='3': no such field, did you mean data.size?"),
        (["--mode", "evaluate"], "runs/digits: no config.json"),
        (["--mode", "evaluate", "--workdir", "none"], "workdir none: no config.json"),
        (["--platform", "gpu"], "--platform gpu: no such device on this machine"),
    ],
)
def test_main_mistake_is_one_sentence_and_leaves_nothing(arguments, said, tmp_path):
    """A mistake gets one sentence and leaves nothing."""
    assert said in refused(*arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_main_reports_mistakes_of_file_and_flags_together(tmp_path):
    """Mistakes of file and flags are reported together."""
    file = tmp_path / "mine.py"
    file.write_text(
        "from ml_collections import ConfigDict\n"
        "def get_config():\n"
        "    return ConfigDict({'train': {'stesp': 3}, 'seed': 'x'})\n"
    )
    said = refused("--config=mine.py", "--config.family=spin", "--config.data.a=1", cwd=tmp_path)
    for text in ("train.stesp=3: no such", "seed='x': an int", "family='spin': ", "data.a='1': "):
        assert text in said
    assert list(tmp_path.iterdir()) == [file]


def test_main_device_of_the_environment_must_exist(tmp_path):
    """A device named by the environment must exist."""
    assert "JAX_PLATFORMS: no such device" in refused(cwd=tmp_path, JAX_PLATFORMS="cuda")


def test_main_damaged_work_directory_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    said = refused("--mode", "evaluate", "--workdir", ".", cwd=tmp_path)
    assert "config config.json: not the JSON of a config" in said


def test_main_without_arguments_trains_digits(loop, tmp_path, monkeypatch):
    """Without arguments the digits are trained."""
    monkeypatch.chdir(tmp_path)
    assert main.main([]) == 0
    wanted = files.to_options(files.load_file("digits"))
    assert loop.calls == [("train", wanted, Path("runs/digits"))]


def test_main_work_directory_named_after_the_config(loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main.main(["--config", "configs/solids.py", "--platform", "cpu", "--config.train.steps=3"])
    main.main(["--config=solids", "--workdir", "a/b", "--mode", "evaluate"])
    (_, options, _), _ = loop.calls
    assert options.train.steps == 3
    assert [call[0] for call in loop.calls] == ["train", "evaluate"]
    assert [call[2] for call in loop.calls] == [Path("runs/solids"), Path("a/b")]


def test_main_other_modes_read_the_saved_config(loop, tmp_path):
    """Other modes read the config of the work directory."""
    saved = files.to_options(files.apply_overrides(files.to_config(Options()), ["seed=5"]))
    files.save(saved, tmp_path / "config.json")
    main.main(["--mode", "evaluate", "--workdir", str(tmp_path)])
    main.main(["--mode=evaluate", "--workdir", str(tmp_path), "--config.eval.examples=7"])
    (_, first, _), (_, second, _) = loop.calls
    assert first == saved != Options()
    assert (second.seed, second.eval.examples) == (5, 7)


@pytest.mark.parametrize(
    "error, status, said",
    [
        (InputError("data.source=x: wanted y"), 2, "avae_jax: data.source=x: wanted y\n"),
        (NumericalError("loss at step 3 is nan"), 1, "avae_jax: loss at step 3 is nan\n"),
        (KeyboardInterrupt(), 130, "avae_jax: interrupted, "),
    ],
)
def test_main_failures_become_exit_statuses(error, status, said, loop, capsys):
    def fails(options, workdir):
        raise error

    loop.train = fails
    assert main.main([]) == status
    assert capsys.readouterr().err.startswith(said)


def test_main_work_of_processes_that_breaks_off_is_a_sentence(loop, capsys, monkeypatch):
    def fails(options, workdir):
        raise ValueError("ABORTED: one went away")

    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    loop.train = fails
    assert main.main([]) == 1
    assert capsys.readouterr().err.startswith("avae_jax: --multihost: the work of the processes")


@pytest.mark.parametrize("status", [1, 2, 130])
def test_process_that_fails_waits_for_no_thread(status):
    """One that waits for other processes would keep it from ending."""
    code = "import threading, time\nfrom avae_jax import main\n"
    code += "threading.Thread(target=time.sleep, args=(600,)).start()\n"
    code += f"main._process(lambda: {status})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert ended.returncode == status


def process_of(module, *arguments, cwd, **environment):
    """The finished process of `python -m` this module."""
    return subprocess.run(
        [sys.executable, "-B", "-m", module, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_command_by_its_name(tmp_path):
    """`avae MODE`, with the flags of the modes."""
    done = process_of("avae_jax", "--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"avae_jax {avae_jax.__version__}\n")
    said = process_of("avae_jax", cwd=tmp_path).stdout
    assert said.startswith("usage: avae {train|evaluate|align|fit-align|compare|plan}")
    wrong = process_of("avae_jax", "trian", cwd=tmp_path)
    assert wrong.returncode == 2 and wrong.stderr.endswith("plan, did you mean train?\n")
    wanted = process_of("avae_jax", "align", cwd=tmp_path)
    assert wanted.stderr == "avae_jax: align: wants --input and --output\n"


def test_print_config_with_lists_in_brackets_and_round_numbers(tmp_path):
    words = ["train", "--print-config", "--config.model.hidden=[64,64]"]
    done = process_of("avae_jax", *words, "--config.train.steps=1e3", cwd=tmp_path)
    printed = json.loads(done.stdout)
    assert printed["model"]["hidden"] == [64, 64] and printed["train"]["steps"] == 1000
    assert not list(tmp_path.iterdir())


def test_missing_input_is_answered_before_jax(tmp_path):
    code = (
        "import sys\nfrom avae_jax.main import main\nstatus = main(['--config', 'mnist_idx'])\n"
        "print(status, 'jax' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AVAE_DATA": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2 False\n"
    assert "data/mnist: no such folder" in done.stderr
    assert "AVAE_DATA" in done.stderr and "data.source" in done.stderr


def test_list_options_into_head_leaves_no_traceback(tmp_path):
    command = f"{sys.executable} -m avae_jax.main --list-options | head -1"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stderr == "" and done.stdout.startswith("data.source")


def test_train_goes_on_by_the_config_of_its_work_directory(tmp_path, loop, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = files.to_options(files.apply_overrides(files.load_file("solids"), ["seed=7"]))
    (tmp_path / "w").mkdir()
    files.save(chosen, tmp_path / "w" / "config.json")
    assert main.main(["--workdir", "w", "--config.train.steps=9"]) == 0
    ((_, options, _),) = loop.calls
    assert options.seed == 7 and options.train.steps == 9
    assert options.data.source == chosen.data.source


@pytest.mark.full
def test_compare_writes_a_page_and_refuses_in_one_sentence(tmp_path):
    for name in ("a", "b"):
        report.write(tmp_path / name / "report", measured())
    words = ["compare", "a", "b", "--output", "page.html"]
    done = process_of("avae_jax", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "comparison: page.html\n")
    again = process_of("avae_jax", *words, cwd=tmp_path)
    assert again.returncode == 2 and again.stderr.count("\n") == 1
    assert "page.html: exists already" in again.stderr
    alone = process_of("avae_jax", "compare", "a", cwd=tmp_path)
    assert alone.returncode == 2 and "wanted two or more" in alone.stderr
