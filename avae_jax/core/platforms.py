"""The form of a computation that suits the platform, chosen when a program is traced.

`jax.lax.platform_dependent` keeps a form for every platform until a program is lowered. To trace
the form of the resampler for TPUs takes nearly as long as all the rest of a search. Programs of a
process run on the devices of this process, so that one form is enough. Programs for other devices
are traced within `portable`, and have all.
"""

import contextlib
from collections.abc import Callable

import jax

from avae_jax.core.types import Array

# A change of it traces anew.
_PORTABLE = jax.make_user_context(default_value=False)


def portable() -> contextlib.AbstractContextManager:
    """Programs traced within it run on every platform."""
    return _PORTABLE(True)


def by_platform(*args: Array, default: Callable, **forms: Callable) -> Array:
    """The result of the form of the platform, or of `default`.

    Args:
      args: what each form takes.
      forms: by platform, `cpu` or `tpu`.
    """
    if _PORTABLE.value:
        return jax.lax.platform_dependent(*args, default=default, **forms)
    asked = getattr(getattr(jax.config, "jax_default_device", None), "platform", None)
    return forms.get(asked or jax.default_backend(), default)(*args)
