"""Held-out loss against the time of training, by the recipe that trains.

Time is by the clock from the first update on, compilation included, measuring left out. Every model
but the two without search is measured with the search `fast`, whatever it was trained with.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from avae_jax.config import files
from avae_jax.config.options import Options, SearchOptions
from avae_jax.core.types import Array, PyTree
from avae_jax.evaluation.held_out import compile_evaluation, found_poses, in_batches
from avae_jax.inference.search import resolve_search
from avae_jax.training.experiment import Experiment, prepare, trained_by
from avae_jax.training.state import TrainState
from avae_jax.training.updates import first_state, run_updates
from avae_jax.training.watch import Watch
from benchmarks.experiments.runs import Setting
from configs.experiments import SMOKE, merged

LATER = 1.25  # times the time of the measurement before


class Clock(Watch):
    """Measures the loss at times ever further apart, and ends the training when time is up.

    Attributes:
      rows: `seconds`, `step` and `loss` of each measurement.
    """

    def __init__(self, options: Options, measured: Callable[[TrainState], float], seconds: float):
        super().__init__(steps=options.train.steps, every=options.log.every)
        self.rows: list[dict[str, float]] = []
        self._measured, self._limit = measured, seconds
        self._began, self._next = time.perf_counter(), 0.0

    def after(self, step: int, state: TrainState, metrics: dict[str, Array]) -> None:  # type: ignore[override]
        """Measures where a measurement is due."""
        super().after(step, state, metrics)
        if time.perf_counter() - self._began < self._next:
            return
        jax.block_until_ready(state.params)
        spent = time.perf_counter() - self._began
        self.rows.append({"seconds": spent, "step": step, "loss": self._measured(state)})
        self._began = time.perf_counter() - spent
        self._next = LATER * spent
        self.ended = spent >= self._limit


def measure(setting: Setting) -> dict[str, Any]:
    """Rows of each recipe."""
    size = setting.config[setting.size]
    curves = {}
    for name, recipe in setting.config["recipes"].items():
        curves[name] = _curve(setting, recipe, size["config"], size["seconds"])
        print(f"{name}: {curves[name][-1]}", flush=True)
    return {"curves": curves, "config": size["config"]}


def _curve(setting: Setting, recipe: dict, config: str, seconds: float) -> list[dict[str, float]]:
    edits = merged(setting.config["edits"], recipe, {"seed": setting.seed})
    edits = merged(edits, SMOKE) if setting.size == "smoke" else edits
    options = files.from_dict(merged(files.load_file(config).to_dict(), edits))
    experiment = prepare(options)
    measured = _loss_of(experiment, setting.config["examples"])
    begun = first_state(experiment)
    measured(begun)
    clock = Clock(options, measured, seconds)
    run_updates(experiment, begun, 0, clock)
    return clock.rows


def _loss_of(experiment: Experiment, count: int) -> Callable[[TrainState], float]:
    """A function from a state to the mean held-out loss, each example in a pose of its own."""
    fast = resolve_search(SearchOptions(preset="fast"), experiment.avae.group)
    experiment = experiment._replace(search=fast)
    task, trained = experiment.task, trained_by(experiment)
    task = task._replace(options=dataclasses.replace(task.options, seed=0))
    calls = compile_evaluation(task)
    count = min(count, len(task.dataset.test))

    def searched(state: TrainState) -> float:
        return float(np.mean(found_poses(task, trained(state), calls, count)["loss"]))

    def unsearched(state: TrainState) -> float:
        def one(x: Array, index: Array) -> PyTree:
            observed, _ = calls.apply(x=x, index=index)
            still = calls.unmoved(x=observed)
            return calls.loss(params=state.params, x=observed, index=index, poses=still)

        return float(np.mean(in_batches(one, task, count)))

    return searched if experiment.options.train.search else unsearched
