"""Examples moved to random poses."""

import jax

from avae_jax.core.types import Array, Key
from avae_jax.models.objective import AVAE, turned
from avae_jax.transform.sampling import random_pose


def pose_batch(keys: Key, x: Array, *, avae: AVAE) -> tuple[Array, Array]:
    """Moves every example `x: [B, *S, C]` to a random pose of the family.

    Returns:
      The posed examples and the poses applied, `[B, d + 1, d + 1]`.
    """

    def one(key: Key, example: Array) -> tuple[Array, Array]:
        pose = random_pose(key, avae.group, avae.ranges)
        return turned(example, pose, avae=avae), pose

    return jax.vmap(one)(keys, x)
