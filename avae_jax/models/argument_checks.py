"""Checks of the observations that the functions of the objective are given."""

from typing import TYPE_CHECKING

from avae_jax.core.array_checks import require_array, require_pose
from avae_jax.core.types import Array
from avae_jax.models.likelihoods import LIKELIHOODS

if TYPE_CHECKING:
    from avae_jax.models.affine_model import AVAE


def require_observation(name: str, x: Array, *lead: str, avae: "AVAE") -> None:
    """Checks observations `[*lead, *S, C]`: shape and type, and values where there are any.

    Raises:
      InputError: one sentence with the name, what came and what is wanted.
    """
    shape: tuple[int | str, ...] = (*lead, *avae.inner.shape, len(avae.fill))
    interval = LIKELIHOODS[avae.likelihood].interval
    require_array(name, x, shape, finite=not avae.masked, interval=interval)


def require_posed(function: str, x: Array, pose: Array, *, avae: "AVAE") -> None:
    """Checks the shapes and types of one observation `[*S, C]` and its pose.

    Raises:
      InputError: as `require_observation`.
    """
    require_array(f"{function}: x", x, (*avae.inner.shape, len(avae.fill)), finite=not avae.masked)
    require_pose(f"{function}: pose", pose, avae.inner.d)
