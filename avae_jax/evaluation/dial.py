"""Grid of poses around the estimated pose, for the report's dial; upright rotation for display."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.evaluation import pose_metrics
from avae_jax.transform.describe import table
from avae_jax.transform.families import Family, axis_numbers, basis
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import exponential, plane_rotation

# Steps of a full rotation: each needs pictures, and volumes are rendered.
TURNS = {2: 36, 3: 24}
STEPS = 20  # of any other parameter, 0 included
REACH = 0.5  # either way, of a generator without a range


@dataclasses.dataclass(frozen=True)
class Dial:
    """The dial of one parameter of the poses of a family.

    Attributes:
      kind: `rotation`, `shift` or the name of another generator.
      unit: of its values: `deg`, `%` of the longest side, or none.
      relative: values are relative to the found pose, which is 0.
      whole: values are cyclic: the first follows the last, as in a full rotation.
      grid: the values of every example.
      axes: the plane or the axis that is moved.
    """

    kind: str
    unit: str
    relative: bool
    whole: bool
    grid: tuple[float, ...]
    axes: tuple[int, ...]


def dial_of(group: Family, ranges: RangeOptions) -> Dial:
    """The dial of a family: its first rotation, else its first shift, else its first generator."""
    turns = [name for name in group.generators if name.startswith("rotation_")]
    shifts = [name for name in group.generators if name.startswith("shift_")]
    if turns:
        whole, count = ranges.rotation >= 180, TURNS[group.d]
        grid = np.linspace(-ranges.rotation, ranges.rotation, count + 1)[int(whole) :]
        # About the vertical axis in space (see `report.volume`), if the family has it.
        plane = turns[0].removeprefix("rotation_")
        relative = group.d == 3
        return Dial("rotation", "deg", relative, whole, tuple(grid), _axes(plane, group.d))
    if shifts:
        grid = np.linspace(-100 * ranges.shift, 100 * ranges.shift, STEPS + 1)
        return Dial("shift", "%", False, False, tuple(grid), _axes(shifts[-1][-1:], group.d))
    grid = np.linspace(-REACH, REACH, STEPS + 1)
    return Dial(group.generators[0], "", True, False, tuple(grid), ())


def _axes(letters: str, d: int) -> tuple[int, ...]:
    return axis_numbers(letters, d)


def values_of(dial: Dial, poses: np.ndarray, frame: Frame) -> np.ndarray:
    """Values of poses `[n, d + 1, d + 1]` on the dial, `[n]`."""
    if dial.relative:
        return np.zeros(len(poses))
    if dial.kind == "shift":
        return 50 * poses[:, dial.axes[0], -1]  # two coordinates are the longest side
    return table(poses, frame, ("rotation",))["rotation_deg"]


def dial_poses(
    dial: Dial, poses: np.ndarray, own: np.ndarray, *, group: Family, upright: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The stops of every example's dial, the found pose among them.

    Args:
      poses: `[n, d + 1, d + 1]`, found poses; they carry observations to the canonical pose.
      own: `[n]`, their values on the dial, of `values_of`.
      upright: `[d + 1, d + 1]`, of `display_rotation`.

    Returns:
      Values `[n, A]` in order, and poses `[n, A, d + 1, d + 1]`.
    """
    grid = np.broadcast_to(dial.grid, (len(poses), len(dial.grid)))
    if not dial.relative:
        grid = np.sort(np.concatenate([grid, own[:, None]], axis=1), axis=1)
    moves = np.asarray(_moves(dial, jnp.asarray(grid - own[:, None], jnp.float32), group))
    if dial.kind == "rotation":
        moves = np.linalg.inv(upright) @ moves @ upright
    elif dial.kind != "shift":
        return grid, (poses[:, None] @ moves).astype(np.float32)
    return grid, (moves @ poses[:, None]).astype(np.float32)


def _moves(dial: Dial, by: Array, group: Family) -> Array:
    """The rotations (or shifts) by these values, `[*by.shape, d + 1, d + 1]`."""
    d = group.d
    still = jnp.broadcast_to(jnp.eye(d + 1, dtype=by.dtype), (*by.shape, d + 1, d + 1))
    if dial.kind == "rotation":
        turned = plane_rotation(jnp.radians(by), (dial.axes[0], dial.axes[1]), d)
        return still.at[..., :d, :d].set(turned)
    if dial.kind == "shift":
        return still.at[..., dial.axes[0], d].set(by / 50)
    generator = jnp.asarray(basis(group)[0], by.dtype).reshape((1,) * by.ndim + (d + 1, d + 1))
    return exponential(by[..., None, None] * generator)


def display_rotation(
    group: Family, found: np.ndarray, applied: np.ndarray, *, one_pose: bool
) -> np.ndarray:
    """The rotation `[d + 1, d + 1]` that displays canonical volumes upright.

    A model chooses its canonical pose, and a tilted chair is hard to recognise. The rotation is
    the inverse of the mean of `found . applied`. It is the same for every example, so that
    differences between examples stay visible. Images are not rotated, nor are objects without
    `one_pose` before `applied` moved them.
    """
    back = np.eye(group.d + 1, dtype=np.float32)
    if one_pose and group.d == 3 and group.has("rotation"):
        mean = pose_metrics.mean_pose(found @ applied)
        back[:3, :3] = pose_metrics.orthogonal_part(mean[:3, :3]).T
    return back
