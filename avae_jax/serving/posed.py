"""High-level NumPy interface to a trained VAE and its pose search."""

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from avae_jax.config.options import Options
from avae_jax.core import compile_cache
from avae_jax.core.batches import in_batches
from avae_jax.core.errors import InputError
from avae_jax.core.types import Decode, Encode, Params, PyTree
from avae_jax.inference.batch import Views
from avae_jax.inference.search import SearchResult
from avae_jax.inference.trained import Trained
from avae_jax.models.affine_model import ProgramKey
from avae_jax.serving.given import Given, checked_poses, taken
from avae_jax.serving.pretrained import require_values, wrapped
from avae_jax.serving.probabilities import Probabilities
from avae_jax.serving.programs import batch_programs, mover
from avae_jax.training.calibration import Found, found_calibration
from avae_jax.training.restore import load_with_options, own_copy, write_packed
from avae_jax.transform.frame import Frame

# Examples worked at once.
BATCH = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Posed(Probabilities):
    """A VAE that knows one pose and, by searching, explains objects in all of them.

    Made by `fit`, `wrap` or `load`. Every method takes any number of examples `x: [n, *S, C]`
    and works them `batch` at a time by one compiled program. A model of `fit` takes images of the
    kind it was fitted to, of any type, and of another size where `data.size` is not 0; other
    models take floats in the range and of the shape that they were trained on. Draws (random
    starts, `log_likelihood`) depend on the place of an example in `x`, and not on `batch`.

    Poses are in the frame of the images; pictures as the model sees them, but for `transform`.

    Arrays are copied, but for those that `encode` and `decode` hold outside of `params`.
    Methods want arrays with values; inside `jit`, `vmap` and `grad`, `find_poses` does the same.
    It can be pickled if `encode` and `decode` can: functions of a module, no lambdas.

    Attributes:
      trained: weights, model, search and bank.
      batch: examples worked at once; the last are filled up to it.
      options: with which the model was trained; `None` for one trained elsewhere.
      evaluated: the calibration that the evaluation found; `None` where there is none.

    >>> import numpy as np, avae_jax
    >>> posed = avae_jax.pretrained("digits")
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> posed.transform(x).shape, posed.pose(x).shape, posed.encode(x).shape
    ((2, 24, 24, 1), (2, 3, 3), (2, 8))
    """

    trained: Trained
    batch: int = BATCH
    options: Options | None = None
    evaluated: Found | None = None

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"batch={self.batch}: wanted at least one example at once")
        object.__setattr__(self, "trained", own_copy(self.trained))
        compile_cache.use()

    def __getstate__(self) -> dict[str, Any]:
        # Programs are compiled anew, where they are wanted.
        return {name: getattr(self, name) for name in ("trained", "batch", "options", "evaluated")}

    def __repr__(self) -> str:
        avae = self.trained.avae
        sides = " x ".join(map(str, (*avae.inner.shape, len(avae.fill))))
        weights = sum(np.size(leaf) for leaf in jax.tree.leaves(self.trained.params))
        return (
            f"Posed({avae.group.name} of {sides}, {self.trained.met.shape[1]} codes, "
            f"{weights:,} weights, search {self.trained.search.preset})"
        )

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
        """A VAE trained elsewhere; arguments and errors as for `serving.pretrained.wrapped`."""
        return cls(wrapped(encode, decode, params, upright, **options), batch)

    @classmethod
    def load(cls, path: str | os.PathLike, *, batch: int = BATCH) -> "Posed":
        """The model of a work directory, or of a file written by `save` or `pack`.

        Raises:
          InputError: there is none that can be read.
        """
        trained, options = load_with_options(path)
        return cls(trained, batch, options, found_calibration(path))

    def save(self, path: str | os.PathLike) -> None:
        """Writes the model as one file, which `load` takes.

        Raises:
          InputError: the file exists or cannot be written, or the model was trained elsewhere.
        """
        if self.options is None:
            raise InputError(
                f"{path}: a model trained elsewhere is functions, wanted one of fit or load; "
                "pickle keeps functions of a module"
            )
        write_packed(self.trained, self.options, path, calibration=self.evaluated)

    def find(self, x: np.ndarray) -> SearchResult:
        """What the search finds, with all candidates it kept and their losses in nats."""
        return self._found(self._taken(x))

    def transform(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> np.ndarray:
        """The images in the canonical pose, of the shape and type in which they came.

        Args:
          poses: of `pose`, where they are known already; `None` searches them.
        """
        given = self._taken(x)
        poses = (
            self._found(given).pose
            if poses is None
            else checked_poses(poses, len(given.x), self.trained.avae)
        )
        return given.moved(poses, self._move(given.seen.own), size=self.batch)

    def encode(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> np.ndarray:
        """Latent codes `[n, Z]` of the objects, the means of their posteriors."""
        return self._viewed(x, poses, lambda views: views.mu)

    def pose(self, x: np.ndarray) -> np.ndarray:
        """Poses `[n, d + 1, d + 1]` that carry the examples to the canonical pose.

        They are in the frame of the examples (`make_frame`): the unit is half the longest side.
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

    def views(self, x: np.ndarray, *, poses: np.ndarray | None = None) -> Views:
        """All pictures of the examples, and the codes `mu: [n, Z]` of the canonical objects.

        Raises:
          InputError: `x` is not what the model takes, or `poses` are not one an example.
        """
        return self._viewed(x, poses, lambda views: views)

    @functools.cached_property
    def _programs(self) -> dict[str, Callable]:
        """Compiled functions of a batch and its indices."""
        params, avae, search, bank, _ = self.trained
        find, views, posterior = batch_programs(ProgramKey.of(avae), search)
        key = jax.random.key(0)
        return {
            "find": lambda x, index: find(params, key, x, index, bank),
            "views": lambda x, index, poses: views(params, x, poses),
            "posterior": lambda x, index, **given: posterior(params, x=x, index=index, **given),
        }

    def _move(self, own: Frame) -> Callable:
        """The compiled `(raw, poses, fill) -> moved` of images in a frame of their own."""
        return mover(own, self.trained.avae.interpolation, self.trained.avae.masked)

    def _found(self, given: Given) -> SearchResult:
        """What the search finds, its poses in the frame of the images."""
        found = self._worked(self._programs["find"], given.x)
        return found._replace(pose=given.own(found.pose), candidates=given.own(found.candidates))

    def _viewed(self, x: np.ndarray, poses: np.ndarray | None, part: Callable) -> PyTree:
        """The part of the views that is wanted: of many examples no memory holds them all."""
        given = self._taken(x)
        require_values("poses", poses)
        poses = (
            self._found(given).pose
            if poses is None
            else checked_poses(poses, len(given.x), self.trained.avae)
        )
        seen = given.models(poses)
        return self._worked(lambda *each: part(self._programs["views"](*each)), given.x, seen)

    def checked(self, x: np.ndarray) -> np.ndarray:
        """`x` as the model sees it, float32.

        Raises:
          InputError: it is not what the model takes.
        """
        return self._taken(x).x

    def _taken(self, x: np.ndarray) -> Given:
        return taken(x, self.trained, self.options)

    def _worked(self, function: Callable, x: np.ndarray, *rows: np.ndarray) -> PyTree:
        """`function(x, index, *rows)` of all examples, a batch at a time, as numpy arrays."""
        return in_batches(function, x, np.arange(len(x)), *rows, size=self.batch)
