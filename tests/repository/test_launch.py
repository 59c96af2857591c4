"""The launchers: what they would run, word for word, and what they refuse."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support import ROOT

LAUNCH = ROOT / "launch"
LAUNCHERS = ["local", "processes", "slurm", "tpu_pod", "kubernetes"]
MAIN = ["python", "-m", "avae_jax.main"]
# Arguments that a careless launcher would tear apart or expand.
ODD = ["--config", "a b.py", "--workdir", "it's $HOME/*", '--config.data.source=npz:"x".npz']
POD = {"NAME": "pod", "ZONE": "here", "TYPE": "v5litepod-16"}
CLUSTER = {"IMAGE": "registry/image", "CLAIM": "shared"}


def launched(name, *arguments, **environment):
    return subprocess.run(
        [LAUNCH / f"{name}.sh", *arguments],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def dry(name, *arguments, **environment):
    """The command lines that a launcher prints, split as a shell would."""
    done = launched(name, "--dry-run", *arguments, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return [words(line) for line in done.stdout.splitlines()]


def words(line):
    """The words of a line in which bash has quoted what needs it."""
    split = f"printf '%s\\0' {line}"
    return subprocess.check_output(["bash", "-c", split], text=True).split("\0")[:-1]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launchers_say_how_they_are_used(name):
    """A launcher says at its top how it is used."""
    text = (LAUNCH / f"{name}.sh").read_text()
    top = text[: text.index("\nset -euo pipefail\n")]
    assert top.startswith("#!/usr/bin/env bash\n# ")
    assert f"#   launch/{name}.sh [--dry-run]" in top
    assert all(line.startswith("#") for line in top.splitlines())
    assert os.access(LAUNCH / f"{name}.sh", os.X_OK)


def test_launchers_pass_shellcheck():
    """Shellcheck finds nothing."""
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    called = ["shellcheck", "-x", *sorted(LAUNCH.glob("*.sh"))]
    done = subprocess.run(called, cwd=LAUNCH.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_local():
    """This machine."""
    assert dry("local", *ODD) == [["exec", *MAIN, *ODD]]
    assert dry("local", PYTHON="/my python")[0][1:] == ["/my python", *MAIN[1:]]


def test_local_runs_what_it_prints():
    """This machine runs what it prints."""
    done = launched("local", "--list-options", PYTHON=sys.executable)
    assert done.returncode == 0 and "train.batch_size" in done.stdout


def test_processes():
    """Several processes."""
    lines = dry("processes", "3", *ODD, PORT="5000")
    meet = ["--platform", "cpu", "--multihost", "--coordinator", "localhost:5000"]
    assert lines == [
        [*MAIN, *meet, "--processes", "3", "--process", str(k), *ODD] for k in range(3)
    ]


def test_processes_status_of_one_is_that_of_all():
    """The status of a process that fails is that of all."""
    done = launched("processes", "2", "--config=nowhere", PYTHON=sys.executable)
    assert done.returncode == 2
    assert done.stderr.count("config 'nowhere': no such file") == 2


def test_slurm():
    ((*sbatch, wrap, script),) = dry("slurm", "--nodes=2", "--time=1:00", "--", *ODD)
    assert sbatch[:2] == ["exec", "sbatch"] and wrap == "--wrap"
    assert sbatch[-2:] == ["--nodes=2", "--time=1:00"]
    assert {"--requeue", "--signal=TERM@120"} <= set(sbatch)
    step = next(line for line in script.splitlines() if line.startswith("srun "))
    step = words(step.removesuffix(" || status=$?"))
    assert step == ["srun", "--kill-on-bad-exit=1", *MAIN, "--multihost", *ODD]


@pytest.mark.parametrize("status, requeued", [(0, False), (1, False), (143, True)])
def test_slurm_requeues_a_job_told_to_end(status, requeued, tmp_path):
    """The script of the job in bash, with stand-ins for the commands of Slurm."""
    ((*_, script),) = dry("slurm", "--")
    for name, body in (("srun", f"exit {status}"), ("scontrol", 'echo "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = {"PATH": path, "SLURM_JOB_ID": "7"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == status
    assert done.stdout == ("requeue 7\n" if requeued else "")


def test_tpu_pod_from_making_to_deleting():
    here = ["--zone", "here"]
    vm, queued = ["gcloud", "compute", "tpus", "tpu-vm"], ["gcloud", "compute", "tpus"]
    queued = [*queued, "queued-resources"]
    (create,) = dry("tpu_pod", "create", **POD)
    assert create[:7] == [*vm, "create", "pod", "--zone"]
    assert create[-4:] == ["--accelerator-type", POD["TYPE"], "--version", "v2-alpha-tpuv5-lite"]
    (queue,) = dry("tpu_pod", "queue", **POD, VERSION="v2")
    assert queue[:8] == [*queued, "create", "pod", *here]
    assert queue[8:10] == ["--node-id", "pod"] and queue[-3:] == [
        "--runtime-version",
        "v2",
        "--spot",
    ]
    assert dry("tpu_pod", "status", **POD) == [[*queued, "describe", "pod", *here]]
    archive, copy, install = dry("tpu_pod", "install", **POD)
    assert archive[:2] == ["git", "-C"] and archive[-1] == "HEAD"
    assert copy[:6] == [*vm, "scp", archive[-2]] and copy[-1] == "--worker=all"
    assert install[:5] == [*vm, "ssh"] and "'jax[tpu]'" in install[-1]
    (run,) = dry("tpu_pod", "run", *ODD, **POD)
    assert run[:-1] == [*vm, "ssh", "pod", *here, "--worker=all", "--command"]
    there = words(run[-1].removeprefix("cd avae_jax && "))
    assert there == [".venv/bin/python", *MAIN[1:], "--platform", "tpu", "--multihost", *ODD]
    (collect,) = dry("tpu_pod", "collect", "/runs/a b", "here", **POD)
    assert collect == [*vm, "scp", "--recurse", "pod:/runs/a b", "here", *here, "--worker=0"]
    assert dry("tpu_pod", "delete", **POD)[0][:6] == [*queued, "delete", "pod"]


def test_kubernetes():
    given = [*ODD, "--config.x=$(HOME)"]
    done = launched("kubernetes", "--dry-run", "4", *given, **CLUSTER, RESOURCE="nvidia.com/gpu=8")
    assert done.returncode == 0
    text = done.stdout
    assert text.endswith("\nkubectl apply -f -\n")
    command = json.loads(re.search(r"command: (\[.*\])", text)[1])
    where = ["--coordinator", "avae-jax-workers-0-0.avae-jax:12421", "--processes", "4"]
    start = [*MAIN, "--multihost", *where, "--process", "$(PROCESS)"]
    # A doubled $ is how Kubernetes writes one.
    assert command == [*start, *(word.replace("$", "$$") for word in given)]
    for said in (
        "kind: JobSet",
        "parallelism: 4",
        "completions: 4",
        'image: "registry/image"',
        'limits: {"nvidia.com/gpu": "8"}',
        'claimName: "shared"',
    ):
        assert said in text


def test_kubernetes_manifest_is_yaml():
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the manifest")
    done = launched("kubernetes", "--dry-run", "4", *ODD, **CLUSTER)
    manifest = yaml.safe_load(done.stdout.removesuffix("kubectl apply -f -\n"))
    (workers,) = manifest["spec"]["replicatedJobs"]
    pod = workers["template"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["containers"][0]["command"][:3] == MAIN


@pytest.mark.parametrize(
    "name, arguments, environment, said",
    [
        ("processes", [], {}, "wanted the number of processes, got ''"),
        ("processes", ["two"], {}, "wanted the number of processes, got 'two'"),
        ("slurm", ["--nodes=2"], {}, "wanted -- between"),
        ("tpu_pod", ["create"], {"ZONE": "z"}, "NAME is not set"),
        ("tpu_pod", ["create"], {"NAME": "n"}, "ZONE is not set"),
        ("tpu_pod", ["create"], {"NAME": "n", "ZONE": "z"}, "TYPE is not set"),
        ("tpu_pod", ["crate"], POD, "'crate': wanted create, queue"),
        ("tpu_pod", ["collect", "x"], POD, "wanted FROM and TO"),
        ("kubernetes", ["0"], CLUSTER, "wanted the number of pods, got '0'"),
        ("kubernetes", ["2"], {"CLAIM": "c"}, "IMAGE is not set"),
        ("kubernetes", ["2"], {"IMAGE": "i"}, "CLAIM is not set"),
        ("kubernetes", ["2"], CLUSTER | {"RESOURCE": "gpu"}, "wanted NAME=COUNT"),
    ],
)
def test_launchers_refuse_in_one_sentence(name, arguments, environment, said):
    """A mistake gets one sentence and status 2."""
    done = launched(name, "--dry-run", *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name}.sh: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1
