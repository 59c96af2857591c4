"""File formats of stacks: examples are read piece by piece and written in the same format."""

from avae_jax.data.formats.opening import open_stack as open_stack
from avae_jax.data.formats.stack import Stack as Stack
from avae_jax.data.formats.stack import blocks as blocks
