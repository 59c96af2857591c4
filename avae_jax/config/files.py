"""Config files, overrides and saved configs in; checked `Options` out.

A config is an `ml_collections.ConfigDict` with the fields of `options.Options`, neither locked
nor type safe: it keeps any value until `to_options` reports all faults at once.
"""

import dataclasses
import json
import os
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from avae_jax.config.fields import parse, renamed, settle, wanted, written
from avae_jax.config.options import MAY_CHANGE, Options, fields, values
from avae_jax.config.validation import faults, refuse
from avae_jax.core import strict_json
from avae_jax.core.atomic_files import whole
from avae_jax.core.choices import nearest
from avae_jax.core.errors import InputError

# Format version of config.json and of the work directory; version 0.1.0 wrote none.
FORMAT = 2


def to_config(options: Options) -> ConfigDict:
    """The config that holds `options`."""
    return _config(to_dict(options))


def load_file(path_or_name: str | os.PathLike) -> ConfigDict:
    """The config of a python file, completed by the defaults.

    Args:
      path_or_name: a file with a function `get_config()` that returns a `ConfigDict` of
        all fields or of edits only; or, if there is no such file, the name of a
        packaged config as `configs/NAME.py`, `NAME.py` or `NAME`.

    Raises:
      InputError: no such file, or the file is not a config.
    """
    path = find_file(path_or_name)
    try:
        edits = _executed(path)
    except InputError as error:
        raise InputError(f"config {path}: {error}") from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f", line {frame.lineno}" for frame in frames if frame.filename == str(path)]
        place = str(path) + "".join(lines[-1:])
        raise InputError(f"config {place}: {type(error).__name__}: {error}") from error
    return _config(_merged(to_dict(Options()), edits))


def find_file(path_or_name: str | os.PathLike) -> Path:
    """The file that `path_or_name` means: as given, else among the packaged configs.

    Raises:
      InputError: there is none.
    """
    given = Path(path_or_name)
    if given.is_file():
        return given
    known = packaged()
    named = str(given.parent) in (".", "configs") and given.suffix in ("", ".py")
    if named and given.stem in known:
        return known[given.stem]
    raise InputError(f"config {str(path_or_name)!r}: no such file, nor one of {', '.join(known)}")


def packaged() -> dict[str, Path]:
    """The packaged configs by name: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    folder = inside if inside.is_dir() else package.parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def apply_overrides(config: ConfigDict, overrides: Iterable[str]) -> ConfigDict:
    """A copy of `config` with `path.to.field=value` texts applied in their order.

    A value is read by the type of its field: numbers, true or false, lists (`512,512`),
    none. `to_options` reports unknown fields and unreadable values.

    Raises:
      InputError: a text without `=`.
    """
    edited = config.to_dict()
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals:
            raise InputError(f"override {override!r}: wanted path.to.field=value")
        path, known = name.split("."), fields().get(name)
        top = edited.get(path[0], {})
        # A section that was set to a value stays so: that fault is the one to report.
        if isinstance(top, dict) or path[0] not in _sections():
            _put(edited, path, parse(known, text) if known else text)
    return _config(edited)


def to_options(config: ConfigDict) -> Options:
    """The options that `config` holds; fields that it lacks keep their default.

    Raises:
      InputError: every unknown field, wrong type, bad value and contradiction at once,
        each as `field=value: rule`.
    """
    return from_dict(config.to_dict())


def from_dict(nested: Mapping) -> Options:
    """The options of a nested dict, as `to_options`."""
    given = dict(_leaves(nested))
    known = fields()
    unknown = [_unknown(name, value) for name, value in given.items() if name not in known]
    edits = {name: _current(known[name], given[name]) for name in known if name in given}
    refuse(unknown + faults(values(Options()) | edits))
    return _replaced(Options(), edits)


def to_dict(options: Options) -> dict:
    """`options` as nested dicts."""
    return dataclasses.asdict(options)


def save(options: Options, path: Path) -> None:
    """Writes `options` as JSON, whole or not at all."""
    saved = {"format": FORMAT, **to_dict(options)}
    with whole(path) as file:
        file.write((json.dumps(saved, indent=2, allow_nan=False) + "\n").encode())


def load_saved(path: Path) -> Options:
    """The options that `save` wrote; fields that did not exist then keep their default.

    Raises:
      InputError: unreadable, no JSON, or not the fields of a config.
    """
    try:
        nested = strict_json.read(path, finite=False)
    except OSError as error:
        raise InputError(f"config {path}: cannot be read, {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"config {path}: not the JSON of a config, {error}") from error
    if not isinstance(nested, dict):
        raise InputError(f"config {path}: wanted a JSON object, not {nested!r:.40}")
    version = nested.pop("format", 1)
    if not isinstance(version, int) or version > FORMAT:
        raise InputError(f"config {path}: of format {version}, this avae_jax reads up to {FORMAT}")
    try:
        return from_dict(nested)
    except InputError as error:
        raise InputError(f"config {path}: {error}") from error


def differences(old: Options, new: Options) -> list[str]:
    """The fields that `new` must not change but does, each as `field=value: was old value`."""
    before, after = values(old), values(new)
    changed = [name for name in after if after[name] != before[name] and not _may_change(name)]
    return [f"{name}={written(after[name])}: was {written(before[name])}" for name in changed]


def _may_change(name: str) -> bool:
    return any(name.startswith(p) if p.endswith(".") else name == p for p in MAY_CHANGE)


def _config(nested: Mapping) -> ConfigDict:
    return ConfigDict(nested, type_safe=False)


def _executed(path: Path) -> dict:
    """What `get_config()` of the file returns, as nested dicts."""
    # Compiled here and not imported, so that no __pycache__ appears beside the file.
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    if not callable(getattr(module, "get_config", None)):
        raise InputError("wanted a function get_config()")
    config = module.get_config()
    if not isinstance(config, ConfigDict):
        raise InputError(f"get_config() returned {config!r:.60}, wanted a ConfigDict")
    return config.to_dict()


def _merged(base: Mapping, edits: Mapping) -> dict:
    """`base` with the entries of `edits` in their places."""
    merged = dict(base)
    for name, value in edits.items():
        both = isinstance(value, Mapping) and isinstance(base.get(name), Mapping)
        merged[name] = _merged(base[name], value) if both else value
    return merged


def _put(nested: dict, path: list[str], value: Any) -> None:
    """Sets the entry of `nested` at `path`, making the dicts on the way."""
    *sections, name = path
    for section in sections:
        if not isinstance(nested.get(section), dict):
            nested[section] = {}
        nested = nested[section]
    nested[name] = value


def _sections() -> set[str]:
    return {name.partition(".")[0] for name in fields() if "." in name}


def _leaves(nested: Mapping, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(full name, value) of every entry that is not a section."""
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (value or name in _sections()):
            yield from _leaves(value, name + ".")
        else:
            yield name, value


def _current(field: dataclasses.Field, value: Any) -> Any:
    """`value` in the type of its field and by its present name."""
    return renamed(field, settle(field, value))


def _unknown(name: str, value: Any) -> str:
    """The fault of a name that is not a field."""
    known, start = fields(), name.rpartition(".")[0]
    if name in _sections():
        inside = next(full for full in known if full.startswith(name + "."))
        return f"{name}={value!r}: a section, set its fields such as {inside}"
    if start in known:
        return f"{name}={value!r}: no such field, {start} is {wanted(known[start])}"
    return f"{name}={value!r}: no such field" + nearest(name, [*known, *_sections()])


def _replaced(options: Options, edits: Mapping[str, Any]) -> Options:
    """`options` with the fields named in full by `edits` replaced."""
    top: dict[str, Any] = {}
    for name, value in edits.items():
        section, _, inner = name.rpartition(".")
        if section:
            current = top.get(section, getattr(options, section))
            top[section] = dataclasses.replace(current, **{inner: value})
        else:
            top[name] = value
    return dataclasses.replace(options, **top)
