"""Reads changed files of every kind and counts what happens: never a traceback, never a hang.

    python -m tests.robustness.fuzz --files 10000 --seed 0 --json fuzz.json

A child process makes and reads file after file under limits of time and memory, and is
started again when it dies. A file may be read, or refused by one sentence (`InputError`);
anything else is a finding: another exception, a death, more time or memory than allowed,
a file of the user's, beside it or around it, that is gone or changed.
File number n of a seed is always the same one; `--only n` reads that one alone.
"""

import argparse
import collections
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import command_line

SECONDS = 10.0  # for one file
MEMORY = 2**28  # bytes that reading one small file may take
ADDRESSES = 2**31  # bytes of addresses beyond those taken when the child begins
READ, REFUSED = "read", "refused"


def fuzz(files: range, seed: int) -> dict[str, Any]:
    """Reads the files of these numbers.

    Returns:
      Counts of outcomes by kind of file, the findings, and the slowest file in seconds.
    """
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    findings, slowest = [], 0.0
    with _Child(seed) as child:
        for number in files:
            began = time.perf_counter()
            kind, outcome = child.outcome(number)
            slowest = max(slowest, time.perf_counter() - began)
            known = outcome in (READ, REFUSED)
            counts[kind][outcome if known else "findings"] += 1
            if not known:
                findings.append({"file": number, "kind": kind, "outcome": outcome})
                print(f"file {number}, {kind}: {outcome}", flush=True)
    return {
        "kinds": {kind: dict(count) for kind, count in sorted(counts.items())},
        "findings": findings,
        "slowest": round(slowest, 2),
    }


class _Child:
    """A process that reads files one after the other, another one once it has died."""

    def __init__(self, seed: int):
        self._seed = seed
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *exception) -> None:
        self._end()

    def outcome(self, number: int) -> tuple[str, str]:
        """(kind, what happened) of one file."""
        if self._process is None:
            self._start()
        kind = kind_of(number, self._kinds)
        self._pipe.send(number)
        try:
            if self._pipe.poll(SECONDS):
                return kind, self._pipe.recv()
            said = f"hangs: more than {SECONDS:.0f} s"
        except EOFError:
            self._process.join()
            said = f"dies: exit status {self._process.exitcode}"
        self._end()
        return kind, said

    def _start(self) -> None:
        self._pipe, other = self._context.Pipe()
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        given = (other, self._seed, self._folder.name)
        self._process = self._context.Process(target=_serve, args=given, daemon=True)
        self._process.start()
        other.close()
        self._kinds = self._pipe.recv()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._folder.cleanup()
        self._process = None


def kind_of(number: int, kinds: list[str]) -> str:
    """The kind of file `number`: all take turns."""
    return kinds[number % len(kinds)]


def _serve(pipe: Connection, seed: int, folder: str) -> None:
    """The child: reads files by number until the other end closes."""
    # Imported here, for the process that waits needs none of it.
    from tests.robustness.fuzz_targets import TARGETS

    warnings.simplefilter("ignore")
    place = Path(folder)
    for kind, target in TARGETS.items():
        (place / "sound" / kind).mkdir(parents=True)
        target.make(place / "sound" / kind)
        first = place / "first" / kind / "in"
        target.read(shutil.copytree(place / "sound" / kind, first, symlinks=True))
    _limit()
    # What libraries print about broken files is not for the user of this command.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    pipe.send(list(TARGETS))
    while True:
        number = pipe.recv()
        pipe.send(_outcome(number, seed, place, TARGETS))


def _limit() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ADDRESSES, taken + ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(number: int, seed: int, place: Path, targets: dict[str, Any]) -> str:
    """Makes file `number`, reads it, and says what happened."""
    from avae_jax.core.errors import InputError
    from tests.robustness.mutations import mutated

    kind = kind_of(number, list(targets))
    work = place / "work"
    shutil.rmtree(work, ignore_errors=True)
    folder = shutil.copytree(place / "sound" / kind, work / "in", symlinks=True)
    target, chance = targets[kind], random.Random(f"{seed} {number}")
    _user_files(work / "user")
    if target.change is None:
        file = folder / target.file
        file.write_bytes(mutated(file.read_bytes(), chance))
    else:
        target.change(folder, chance)
    held = _contents(work)
    before = _peak(anew=True)
    try:
        target.read(folder)
        said = READ
    except InputError as error:
        said = _judged(error)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__} at {last.filename}:{last.lineno}: {str(error)[:100]!r}"
    taken = _peak() - before
    if lost := _lost(held, _contents(work), target.ours):
        return f"loses or changes {', '.join(lost)}"
    return said if taken <= MEMORY else f"takes {taken / 2**20:.0f} MiB"


def _user_files(folder: Path) -> None:
    """Files of the user's beside what is read, some with names that alignments use."""
    folder.mkdir(parents=True)
    for name in ("x.npy", "x.mrcs", "job.json", "planned.json", "aligned.npy", "poses.csv"):
        (folder / name).write_bytes(b"[]")


def _contents(folder: Path) -> dict[str, bytes]:
    """What each file holds at any depth, or where a link leads."""
    found = {}
    for where, folders, files in os.walk(folder):
        for path in (Path(where) / name for name in (*folders, *files)):
            if path.is_symlink():
                found[str(path.relative_to(folder))] = os.fsencode(os.readlink(path))
            elif path.is_file():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _lost(
    before: dict[str, bytes], after: dict[str, bytes], ours: Callable[[str, bytes], bool]
) -> list[str]:
    """The user's files that are gone or changed."""
    gone = [name for name, content in before.items() if after.get(name) != content]
    return [name for name in gone if not ours(name.removeprefix("in/"), before[name])]


def _judged(error: Exception) -> str:
    """A refusal, which must be one sentence, and not the end of all memory."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, MemoryError):
        cause = cause.__cause__
    if cause is not None:
        return f"memory asked for: {str(cause)[:100]}"
    return REFUSED if "\n" not in str(error) and len(str(error)) < 2100 else f"says {error!r:.100}"


def _peak(*, anew: bool = False) -> int:
    """Most bytes of memory that this process held, since the last call with `anew`."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def main() -> None:
    """Fuzzes as asked, prints a line a kind and writes what was counted."""
    flags = _flags()
    files = range(flags.files) if flags.only is None else range(flags.only, flags.only + 1)
    began = time.perf_counter()
    result = fuzz(files, flags.seed)
    seconds = round(time.perf_counter() - began, 1)
    result = {"files": len(files), "seed": flags.seed, "seconds": seconds, **result}
    for kind, count in result["kinds"].items():
        print(f"{kind}: " + ", ".join(f"{number} {name}" for name, number in count.items()))
    print(f"{len(files)} files in {seconds} s, {len(result['findings'])} findings")
    if flags.json:
        flags.json.write_text(json.dumps(result, indent=2) + "\n")
    sys.exit(1 if result["findings"] else 0)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=command_line.at_least(1), default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one file to read alone")
    parser.add_argument(
        "--json", type=command_line.destination, help="where to write what was counted"
    )
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
