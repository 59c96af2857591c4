"""Mutates a module and says which mutants its tests notice; status 1 if some survive."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.mutation.mirror import Copy, Outcome, tests_of
from tests.mutation.order import limit
from tests.mutation.sites import Mutation, drawn
from tests.support import ROOT


def main(arguments: list[str] | None = None, *, say: Callable[[str], object] = print) -> int:
    """The status: 0 if all mutants were noticed, 1 if some survived, 2 without a measurement."""
    parser = argparse.ArgumentParser("python -m tests.mutation", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="as avae_jax/transform/warp.py")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--json", type=Path, help="a file for the results")
    given = parser.parse_args(arguments)
    file = given.file.resolve().relative_to(ROOT)
    tests = tests_of(file.relative_to("avae_jax"))
    if not tests:
        say(f"{file}: no test mirrors it; name one in EXTRA of tests/mutation/mirror.py")
        return 2
    chosen = drawn((ROOT / file).read_text(), seed=given.seed, count=given.count)
    with tempfile.TemporaryDirectory(prefix="mutation_") as folder:
        outcomes = outcomes_of(Copy(Path(folder)), file, tests, chosen, say)
    if outcomes is None:
        return 2
    rows = [row(mutation, outcome) for mutation, outcome in zip(chosen, outcomes, strict=True)]
    noticed = sum(row["noticed"] for row in rows)
    say(f"{file}: noticed {noticed} of {len(rows)} (seed {given.seed}) by {' '.join(tests)}")
    if given.json:
        result = {"file": str(file), "seed": given.seed, "tests": tests, "mutants": rows}
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    return int(noticed < len(rows))


def outcomes_of(
    copy: Copy, file: Path, tests: list[str], chosen: list[Mutation], say: Callable[[str], object]
) -> list[Outcome] | None:
    """One for every mutant; None if the tests fail without one."""
    text = (copy.root / file).read_text()
    before = copy.run(tests, limit=None)
    if not before.passed:
        say(f"{file}: the tests fail without a mutation: {before.by}")
        return None
    longest = limit(before.seconds)
    say(f"{file}: unmutated {before.seconds:.0f} s, at most {longest:.0f} s for a mutant")
    outcomes = []
    for mutation in chosen:
        copy.write(file, mutation.applied(text))
        outcomes.append(copy.run(tests, limit=longest))
        say(line(mutation, outcomes[-1]))
    return outcomes


def line(mutation: Mutation, outcome: Outcome) -> str:
    """A mutant in one line."""
    before, after = (" ".join(text.split()) for text in (mutation.before, mutation.after))
    end = "SURVIVED" if outcome.passed else f"noticed by {outcome.by}"
    change = f"{mutation.kind}: {before} -> {after}"
    return f"line {mutation.line}: {change}: {end} ({outcome.seconds:.0f} s)"


def row(mutation: Mutation, outcome: Outcome) -> dict:
    """A mutant for the file of results."""
    change = {name: getattr(mutation, name) for name in ("line", "kind", "before", "after")}
    seconds = round(outcome.seconds, 1)
    return {**change, "noticed": not outcome.passed, "by": outcome.by, "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
