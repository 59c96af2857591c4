"""High-level NumPy interface to a trained VAE and its pose search."""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from avae_jax.core.batches import in_batches
from avae_jax.core.compilation import jit
from avae_jax.core.errors import InputError
from avae_jax.core.types import Decode, Encode, Params, PyTree
from avae_jax.inference import batch as evaluate
from avae_jax.inference.batch import bound_batch
from avae_jax.inference.problem import bounded
from avae_jax.inference.search import SearchResult
from avae_jax.inference.trained import Trained
from avae_jax.serving.pretrained import examples, require_values, wrapped
from avae_jax.training.restore import load, own_copy
from avae_jax.transform.lie import brackets

# Examples worked at once.
BATCH = 64
# Draws of a bound on log p(x).
SAMPLES = 128


@dataclasses.dataclass(frozen=True, eq=False)
class Posed:
    """A VAE that knows one pose and, by searching, explains objects in all of them.

    Made by `wrap` or `load`. Every method takes any number of examples `x: [n, *S, C]`, floats
    in the range that the model was trained on, and works them `batch` at a time by one compiled
    program. What an example gives depends on its place in `x` where something is drawn (random
    starts, the draws of `log_likelihood`), and not on `batch`.

    Arrays are copied: what the caller does to weights afterwards changes nothing. Those that
    `encode` and `decode` hold themselves, outside of `params`, are not. Methods want arrays
    with values; inside `jit`, `vmap` and `grad`, `find_poses` does the same. It can be pickled
    if `encode` and `decode` can: functions of a module, no lambdas.

    Attributes:
      trained: weights, model, search and bank.
      batch: examples worked at once; the last are filled up to it.
    """

    trained: Trained
    batch: int = BATCH

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"batch={self.batch}: wanted at least one example at once")
        object.__setattr__(self, "trained", own_copy(self.trained))

    def __getstate__(self) -> dict[str, Any]:
        # Programs are compiled anew, where they are wanted.
        return {"trained": self.trained, "batch": self.batch}

    @classmethod
    def wrap(
        cls,
        encode: Encode,
        decode: Decode,
        params: Params,
        upright: np.ndarray,
        *,
        batch: int = BATCH,
        **options: Any,
    ) -> "Posed":
        """A VAE trained elsewhere; arguments and errors as for `own_vae.wrapped`."""
        return cls(wrapped(encode, decode, params, upright, **options), batch)

    @classmethod
    def load(cls, path: str | os.PathLike, *, batch: int = BATCH) -> "Posed":
        """The model of a work directory, or of a file written by `pack`.

        Raises:
          InputError: there is none that can be read.
        """
        return cls(load(path), batch)

    def find(self, x: np.ndarray) -> SearchResult:
        """What the search finds, with all candidates it kept and their losses in nats."""
        x = self.checked(x)  # first: programs made where JAX traces would be of no use after it
        return self._worked(self._programs["find"], x)

    def pose(self, x: np.ndarray) -> np.ndarray:
        """Poses `[n, d + 1, d + 1]` that carry the examples to the canonical pose.

        The poses of the objects are their inverses, `np.linalg.inv(poses)`.
        """
        return self.find(x).pose

    def canonicalise(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> np.ndarray:
        """The examples carried to the canonical pose, `[n, *S, C]`.

        Args:
          poses: of `pose`, where they are known already; `None` searches them.
        """
        return self._viewed(x, poses, lambda views: views.canonical_input)

    def reconstruct(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> np.ndarray:
        """What the model draws of the examples, at the pose in which they are, `[n, *S, C]`."""
        return self._viewed(x, poses, lambda views: views.reconstruction)

    def views(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> evaluate.Views:
        """All pictures of the examples, and the codes `mu: [n, Z]` of the canonical objects.

        Raises:
          InputError: `x` is not what the model takes, or `poses` are not one an example.
        """
        return self._viewed(x, poses, lambda views: views)

    def log_likelihood(self, x: np.ndarray, *, samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
        """A lower bound `[n]` on log p(x), pose and code integrated out (see `marginal`).

        Args:
          samples: poses and codes drawn an example; the bound rises with their number.
          seed: of the draws.

        Raises:
          InputError: no samples, or the family is no group, so that its poses have no density.
        """
        if not isinstance(samples, int) or samples < 1:
            raise InputError(f"samples={samples}: wanted an integer of at least 1")
        x = self.checked(x)
        brackets(self.trained.avae.group)
        key = jax.random.key(seed)

        def bound(x: np.ndarray, index: np.ndarray) -> PyTree:
            found = self._programs["find"](x, index)
            return self._programs["bound"](x, index, found=found, key=key, samples=samples).bound

        return self._worked(bound, x)

    @functools.cached_property
    def _programs(self) -> dict[str, Callable]:
        """Compiled functions of a batch and its indices."""
        params, avae, search, bank, _ = self.trained
        key, chunk = jax.random.key(0), bounded(search, avae).chunk

        find = jit(functools.partial(evaluate.search_batch, avae=avae, search=search))
        views = jax.jit(functools.partial(evaluate.views, avae=avae))
        bound = functools.partial(bound_batch, avae=avae, chunk=chunk)
        bound = jit(bound, static_argnames="samples")
        return {
            "find": lambda x, index: find(params, key, x, index, bank),
            "views": lambda x, index, poses: views(params, x, poses),
            "bound": lambda x, index, **given: bound(params, x=x, index=index, **given),
        }

    def _viewed(self, x: np.ndarray, poses: np.ndarray | None, part: Callable) -> PyTree:
        """The part of the views that is wanted: of many examples no memory holds them all."""
        x = self.checked(x)
        require_values("poses", poses)
        poses = self.find(x).pose if poses is None else self._poses(poses, len(x))
        return self._worked(lambda *given: part(self._programs["views"](*given)), x, poses)

    def _poses(self, poses: np.ndarray, count: int) -> np.ndarray:
        """Checks poses that are known already; of another number they would be misplaced."""
        poses, side = np.asarray(poses, np.float32), self.trained.avae.group.d + 1
        if poses.shape != (count, side, side):
            raise InputError(f"poses: of shape {poses.shape}, wanted ({count}, {side}, {side})")
        sound = np.isfinite(poses).all((1, 2))
        sound[sound] = np.linalg.det(poses[sound]) != 0
        if not sound.all():
            raise InputError(
                f"poses: number {np.argmin(sound)} is no pose, wanted a finite invertible matrix"
            )
        return poses

    def checked(self, x: np.ndarray) -> np.ndarray:
        """`x` as float32.

        Raises:
          InputError: it is not what the model takes.
        """
        require_values("x", x)
        avae = self.trained.avae
        like = *avae.inner.shape, len(avae.fill)
        return examples("x", x, likelihood=avae.likelihood, like=like)

    def _worked(self, function: Callable, x: np.ndarray, *rows: np.ndarray) -> PyTree:
        """`function(x, index, *rows)` of all examples, a batch at a time, as numpy arrays."""
        return in_batches(function, x, np.arange(len(x)), *rows, size=self.batch)
