"""Builders of tensorflow-datasets: prepared on disk, or prepared on demand."""

import importlib.util
import os
from typing import Any

from avae_jax.core.errors import InputError


def prepared_builder(name: str) -> Any:
    """The `tfds.core.DatasetBuilder` of a data set with files on disk.

    Its folder is the value of the environment variable `TFDS_DATA_DIR` (default
    `~/tensorflow_datasets`). With TensorFlow installed, a missing data set is downloaded into
    it; without a network tensorflow-datasets gives up after a few minutes.

    Args:
        name: in the syntax of tensorflow-datasets, `mnist` or `dsprites:2.0.0`.

    Raises:
        InputError: one sentence with a remedy.
    """
    import tensorflow_datasets as tfds  # slow, and no other source needs it

    folder = os.environ.get("TFDS_DATA_DIR") or None
    try:
        builder = tfds.builder(name, data_dir=folder)
        return builder if builder.info.splits else _prepare(name, folder)
    except InputError:
        raise
    except tfds.core.DatasetNotFoundError as error:
        where = folder or "~/tensorflow_datasets"
        raise InputError(
            f"tfds:{name}: tensorflow-datasets knows no such name and none is prepared under "
            f"{where}; a name it knows is wanted, or point TFDS_DATA_DIR at a prepared folder"
        ) from error
    # Builders run their own code, download and unpack, and may raise any exception.
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        raise InputError(f"tfds:{name}: cannot be prepared ({line}); {_way_out(name)}") from error


def require_tensorflow(name: str, why: str) -> None:
    """Checks that TensorFlow is installed, without importing it.

    Raises:
        InputError: gives the reason `why` and an alternative.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise InputError(
            f"tfds:{name}: {why} needs TensorFlow, which is not installed; {_way_out(name)}"
        )


def _prepare(name: str, folder: str | None) -> Any:
    import tensorflow_datasets as tfds

    where = folder or "~/tensorflow_datasets"
    require_tensorflow(name, f"not prepared under {where}, and preparing it")
    builder = tfds.builder(name, data_dir=folder, file_format="array_record")
    builder.download_and_prepare()
    return builder


def _way_out(name: str) -> str:
    return (
        "on a machine with TensorFlow and a network run "
        f"tfds.builder('{name}', file_format='array_record').download_and_prepare() and point "
        "TFDS_DATA_DIR at the folder it fills, or use another data.source such as idx:DIR"
    )
