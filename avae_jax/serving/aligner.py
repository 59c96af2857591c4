"""`Aligner`: the search of poses as an estimator of scikit-learn."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from avae_jax.core.choices import wanted_instead
from avae_jax.core.errors import InputError

OUTPUTS = ("images", "codes")


class Aligner(TransformerMixin, BaseEstimator):
    """Brings images to one pose, with the conventions of scikit-learn.

        upright = avae_jax.Aligner(family="rotation").fit(images).transform(more)

    Args:
      family, steps, seed: as for `avae_jax.fit`; `None` chooses.
      output: of `transform`: `images`, or `codes` for the latent codes `[n, Z]`, which an
        estimator behind it in a pipeline takes.
      options: further options of `fit` by name, such as `{"latent": 4}`.
      progress: whether to say what is done.

    Attributes:
      posed_: the model, a `Posed`.

    >>> import numpy as np, avae_jax
    >>> images = np.zeros((8, 12, 12), np.float32)
    >>> images[:, 3:9, 5:7] = 1
    >>> small = {"batch_size": 4, "hidden": (8,), "latent": 2}
    >>> aligner = avae_jax.Aligner(steps=2, options=small).fit(images)
    >>> aligner.transform(images).shape
    (8, 12, 12)
    """

    def __init__(
        self,
        family: str | None = None,
        steps: int | None = None,
        seed: int | None = 0,
        output: str = "images",
        options: dict[str, Any] | None = None,
        progress: bool = False,
    ):
        self.family, self.steps, self.seed = family, steps, seed
        self.output, self.options, self.progress = output, options, progress

    def fit(self, X: np.ndarray, y: object = None) -> "Aligner":
        """Trains on images `[n, H, W(, C)]` or volumes `[n, D, H, W(, C)]`; `y` is not used.

        Raises:
          InputError: as `avae_jax.fit`, a `ValueError`.
        """
        del y
        self._require_output()
        given = {"family": self.family, "steps": self.steps, "seed": self.seed}
        # It imports JAX, which the parameters of an estimator do not need.
        from avae_jax.serving.fit import fit

        self.posed_ = fit(X, progress=self.progress, **given, **(self.options or {}))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The images in the canonical pose, or their latent codes `[n, Z]`."""
        check_is_fitted(self)
        self._require_output()
        return self.posed_.encode(X) if self.output == "codes" else self.posed_.transform(X)

    def _require_output(self) -> None:
        if self.output not in OUTPUTS:
            raise InputError(f"output={self.output!r}: {wanted_instead(self.output, OUTPUTS)}")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags
