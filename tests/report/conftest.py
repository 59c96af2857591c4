"""What the tests of pages share."""

import functools

import numpy as np
import pytest

from avae_jax.report import volume


@pytest.fixture(autouse=True, scope="session")
def rendered_once():
    """Equal volumes are rendered once: a page of volumes has the same ones some ten times."""
    render = volume.render

    @functools.cache
    def of_bytes(data, shape, dtype, options):
        return render(np.frombuffer(data, dtype).reshape(shape), **dict(options))

    def memoised(seen, **options):
        seen = np.asarray(seen)
        given = seen.tobytes(), seen.shape, seen.dtype.str, tuple(sorted(options.items()))
        return of_bytes(*given).copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume, "render", memoised)
        yield
