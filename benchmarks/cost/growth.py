"""How a train step grows: with the size of images, starts, batch and devices.

    python -m benchmarks.cost.growth --json benchmarks/results/growth.json --rows cpu
    python -m benchmarks.cost.growth --json benchmarks/results/growth.json --rows v5e v5p

Rows of this machine are run, a few updates each, on embedded data: seconds of all its cores and
the memory of the compiled step. Rows of TPUs are compiled ahead of time (it wants the extra
`plan`), see `--mode plan`. Rows that the file holds are kept; each is written when it is done,
and all are printed as a table at the end.
"""

import argparse
import dataclasses
import json
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.config import files
from avae_jax.config.options import Options
from avae_jax.training import updates
from avae_jax.training.aot.plan import planned
from avae_jax.training.aot.topology import topology
from avae_jax.training.experiment import Experiment, prepare
from benchmarks import command_line
from benchmarks.accelerators import mib

CPU = "cpu"
# Updates that are timed, after those that compile and warm up.
WARM, TIMED = 2, 5


class Row(NamedTuple):
    """One train step: a cube of `side` pixels, examples of a chip, overrides, and where.

    `chips` is `cpu` or the name of a topology, `batch` the examples of all chips.
    """

    d: int
    side: int
    batch: int
    chips: str = CPU
    changes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the table and the file call it."""
        size = "x".join([str(self.side)] * self.d)
        return " ".join([self.chips, size, f"batch {self.batch}", *self.changes])


def even(starts: int) -> tuple[str, ...]:
    """So many even starts instead of proposals of the bank."""
    return f"search.starts={starts}", "search.kind=even"


CONV = ("model.name=conv",)
ROWS = [
    *(Row(2, side, 16) for side in (28, 40, 64, 96, 128)),
    *(Row(2, 40, 16, changes=even(starts)) for starts in (64, 256)),
    *(Row(2, 40, batch) for batch in (64, 256)),
    *(Row(3, side, 8) for side in (16, 32)),
    *(Row(2, side, 256, "v5e:4x4") for side in (28, 40, 64, 96, 128)),
    *(Row(3, side, 128, "v5e:4x4") for side in (16, 32, 48)),
    *(Row(2, 40, 256, "v5e:4x4", even(starts)) for starts in (64, 256)),
    *(Row(2, 40, batch, "v5e:4x4") for batch in (1024, 4096)),
    Row(2, 40, 4096, "v5e:16x16"),
    # Four chips share every example.
    Row(2, 40, 64, "v5e:16x16"),
    Row(3, 16, 2048, "v5e:16x16"),
    Row(3, 64, 128, "v5e:4x4", CONV),
    # 256 hosts of four chips each.
    Row(3, 64, 8192, "v5p:8x8x16", CONV),
]


def main() -> None:
    """Measures or compiles every row that is asked for and not known yet."""
    flags = _flags()
    jax.config.update("jax_platforms", "cpu")
    table = json.loads(flags.json.read_text()) if flags.json.is_file() else {}
    for row in ROWS:
        if row.chips.partition(":")[0] not in flags.rows or row.name in table:
            continue
        spent = time.process_time()
        found = measured(row) if row.chips == CPU else compiled(row)
        found |= {"core_seconds": time.process_time() - spent}
        table[row.name] = row._asdict() | found
        print(row.name, json.dumps(found), flush=True)
        flags.json.write_text(json.dumps(table, indent=1) + "\n")
    print("\n".join(_lines(table)))


def measured(row: Row) -> dict[str, Any]:
    """A few updates on this machine: milliseconds an update, and the memory of its program."""
    experiment = prepare(options_of(row, batch=row.batch))
    step = updates.compiled_step(experiment)
    state, rows = experiment.state, updates.batch(experiment, 0)
    program = step.lower(state, *rows).compile()
    walls, cores = [], []
    for number in range(WARM + TIMED):
        rows = updates.batch(experiment, number)
        began, spent = time.perf_counter(), time.process_time()
        state, _ = jax.block_until_ready(program(state, *rows))
        walls.append(time.perf_counter() - began)
        cores.append(time.process_time() - spent)
    # Other jobs lengthen the wall time, not that of the cores.
    times = {"ms": walls[WARM:], "core_ms": cores[WARM:]}
    medians = {name: 1000 * float(np.median(values)) for name, values in times.items()}
    return {"memory_mib": mib(program)} | medians


def compiled(row: Row) -> dict[str, Any]:
    """What the compiler tells of a step for chips that are not here, for each of them."""
    chips = topology(row.chips)
    # A plan wants shapes: a few examples stand for all.
    experiment = in_shape(prepare(options_of(row, batch=1)), row.batch)
    found = planned(experiment, chips)
    state = jax.tree.leaves(jax.eval_shape(lambda: experiment.state))
    return {
        "memory_mib": found["memory"]["total"] / 2**20,
        "temporary_mib": found["memory"]["temp"] / 2**20,
        "fits": found["memory"]["fits"],
        "counted_operations": found["counted_operations"],
        "operations": found["compiler"]["operations"],
        "bytes": found["compiler"]["bytes"],
        "crossing_bytes": _crossing(found["collectives"]),
        "pixel_gathers": found["pixel_gathers"],
        "state_mib": sum(leaf.size * leaf.dtype.itemsize for leaf in state) / 2**20,
    }


def _crossing(found: list[dict[str, Any]]) -> dict[str, int]:
    """Bytes that cross chips in a step, by kind of collective."""
    kinds = sorted({one["kind"] for one in found})
    return {kind: sum(one["bytes"] for one in found if one["kind"] == kind) for kind in kinds}


def options_of(row: Row, *, batch: int) -> Options:
    """The packaged config of digits or solids at the size of a row."""
    name, own = ("digits", 12) if row.d == 2 else ("solids", 16)
    overrides = [f"data.size={row.side}", f"data.scale={row.side / own}"]
    overrides += [f"train.batch_size={batch}", f"data.limit={max(batch, 16)}", *row.changes]
    return files.to_options(files.apply_overrides(files.load_file(name), overrides))


def in_shape(experiment: Experiment, batch: int) -> Experiment:
    """`experiment` with `batch` examples, all the same one, which take no memory."""
    train = experiment.dataset.train
    many = np.broadcast_to(train[:1], (batch, *train.shape[1:]))
    options = experiment.options
    options = dataclasses.replace(
        options, train=dataclasses.replace(options.train, batch_size=batch)
    )
    return experiment._replace(options=options, dataset=experiment.dataset._replace(train=many))


# What stands in the table, under which name, in which unit.
COLUMNS = {
    "core_ms": ("core ms", 1),
    "memory_mib": ("memory, MiB", 1),
    "temporary_mib": ("of which temporary", 1),
    "counted_operations": ("counted operations, 1e9", 1e9),
    "operations": ("operations, 1e9", 1e9),
    "bytes": ("bytes, 1e9", 1e9),
    "crossing_bytes": ("crosses chips, MB", 1e6),
}


def _lines(table: dict[str, dict[str, Any]]) -> list[str]:
    """The table in Markdown, rows in the order of `ROWS`."""
    heads = [name for name, _ in COLUMNS.values()]
    lines = [f"| step | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for name in (row.name for row in ROWS if row.name in table):
        cells = (_cell(table[name].get(key), unit) for key, (_, unit) in COLUMNS.items())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(value: Any, unit: float) -> str:
    if value is None:
        return ""
    total = sum(value.values()) if isinstance(value, dict) else value
    return f"{total / unit:.4g}"


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--json", type=command_line.destination, required=True, help="the file of all rows"
    )
    kinds = sorted({row.chips.partition(":")[0] for row in ROWS})
    parser.add_argument("--rows", nargs="+", choices=kinds, default=kinds)
    return parser.parse_args()


if __name__ == "__main__":
    command_line.run(main)
