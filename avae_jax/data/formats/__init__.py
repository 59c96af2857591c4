"""Files that hold a stack of images or volumes: read piece by piece, written like they came."""

from avae_jax.data.formats.opening import open_stack as open_stack
from avae_jax.data.formats.stack import Stack as Stack
from avae_jax.data.formats.stack import blocks as blocks
