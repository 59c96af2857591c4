"""Files that hold a stack of images or volumes: read piece by piece, written like they came."""

from avae_jax.data.stacks.opening import open_stack as open_stack
from avae_jax.data.stacks.stack import Stack as Stack
from avae_jax.data.stacks.stack import blocks as blocks
