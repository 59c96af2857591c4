"""Type aliases, and the letters of shapes in every docstring.

    B batch      d spatial dimensions (2 or 3)    S spatial shape, of length d
    C channels   Z latent size                    P pose parameters of a family
    R starts     K candidates kept                T refinement steps

One example is `[*S, C]`, float32, usually in [0, 1]. A pose is a matrix
`[d + 1, d + 1]` that moves content in homogeneous coordinates (see `transform.frame`).
"""

from collections.abc import Callable
from typing import Any

import jax

Array = jax.Array
Key = jax.Array
Params = Any
PyTree = Any
Shape = tuple[int, ...]
Encode = Callable[[Params, Array], tuple[Array, Array]]
Decode = Callable[[Params, Array], Array]
