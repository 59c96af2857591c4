"""What a model says of probabilities: bounds on log p(x), and how well poses are known."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.core.types import PyTree
from avae_jax.inference.calibration import (
    APPROXIMATE,
    Calibration,
    calibrated,
    fit_calibration,
)
from avae_jax.inference.marginal import Evidence
from avae_jax.inference.problem import example_keys
from avae_jax.inference.trained import Trained
from avae_jax.inference.uncertainty import Uncertainty, known_poses
from avae_jax.models.simulation import draw_observations
from avae_jax.serving.given import Given, checked_poses
from avae_jax.training.calibration import Found
from avae_jax.transform.lie import brackets
from avae_jax.transform.mixture import Mixture

# Codes and poses drawn an example.
SAMPLES = 128
# Examples that a model draws to calibrate itself.
SIMULATED = 256


class Probabilities:
    """The part of `Posed` that integrates over poses and codes.

    `Posed` gives it what the three methods without a body name: programs, checks, batches.
    """

    trained: Trained
    evaluated: Found | None

    @property
    def _programs(self) -> dict[str, Callable]:
        raise NotImplementedError

    def _taken(self, x: np.ndarray) -> Given:
        raise NotImplementedError

    def _worked(self, function: Callable, x: np.ndarray, *rows: np.ndarray) -> Any:
        raise NotImplementedError

    def log_likelihood(self, x: np.ndarray, *, samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
        """A lower bound `[n]` on log p(x), pose and code integrated out (see `marginal`).

        Args:
          samples: poses and codes drawn an example; the bound rises with their number.
          seed: of the draws.

        Raises:
          InputError: no samples, or the family is no group, so that its poses have no density.
        """
        return self._integrated(self._taken(x).x, samples, seed)[0].bound

    def uncertainty(
        self,
        x: np.ndarray,
        *,
        calibration: Calibration | None = None,
        samples: int = SAMPLES,
        seed: int = 0,
    ) -> Uncertainty:
        """How well each pose of `pose` is known: deviations and other optima, `[n]` each.

        Args:
          calibration: of examples whose poses are known, or of simulated ones; by default the one
            that the evaluation of the model found. Where there is none, `APPROXIMATE` holds about
            as far as the model does, which is sure of more than it should be.
          samples, seed: as for `log_likelihood`, with its errors.
        """
        _, posterior, poses = self._integrated(self._taken(x).x, samples, seed)
        how = calibration or (self.evaluated.calibration if self.evaluated else APPROXIMATE)
        group = self.trained.avae.group
        return known_poses(calibrated(posterior, how), poses, group, anywhere=how.anywhere)

    def calibration(
        self, x: np.ndarray, poses: np.ndarray, *, samples: int = SAMPLES, seed: int = 0
    ) -> Calibration:
        """What makes stated uncertainties hold for examples such as `x`; some hundred are wanted.

        Args:
          poses: the true ones, as of `pose`. For turned copies of upright images they are the
            inverses of the turns.
        """
        given, avae = self._taken(x), self.trained.avae
        true = given.models(checked_poses(poses, len(given.x), avae))
        return fit_calibration(self._integrated(given.x, samples, seed)[1], true, avae=avae)

    def simulated_calibration(
        self, count: int = SIMULATED, *, samples: int = SAMPLES, seed: int = 0
    ) -> Calibration:
        """What makes stated uncertainties hold for examples that the model draws itself.

        It needs no true poses, and tells what the search and the posterior lack, but not what
        the model does.

        Args:
          count: examples that are drawn; some hundred are wanted.

        Raises:
          InputError: no examples, a likelihood that cannot be drawn from, or the errors of
            `log_likelihood`.
        """
        if not isinstance(count, int) or count < 1:
            raise InputError(f"count={count}: wanted an integer of at least 1")
        avae, latent = self.trained.avae, self.trained.met.shape[1]
        brackets(avae.group)
        draw = jax.jit(functools.partial(draw_observations, avae=avae, latent=latent))
        keys = example_keys(jax.random.fold_in(jax.random.key(seed), 1), np.arange(count))
        x, _, true = draw(self.trained.params, keys)
        posterior = self._integrated(np.asarray(x), samples, seed)[1]
        return fit_calibration(posterior, np.asarray(true), avae=avae)

    def _integrated(
        self, x: np.ndarray, samples: int, seed: int
    ) -> tuple[Evidence, Mixture, np.ndarray]:
        """Bounds, pose posteriors and found poses of `x`, all in the model's frame."""
        if not isinstance(samples, int) or samples < 1:
            raise InputError(f"samples={samples}: wanted an integer of at least 1")
        brackets(self.trained.avae.group)
        how = {"key": jax.random.key(seed), "samples": samples}

        def both(x: np.ndarray, index: np.ndarray) -> PyTree:
            found = self._programs["find"](x, index)
            return *self._programs["posterior"](x, index, found=found, **how), found.pose

        return self._worked(both, x)
