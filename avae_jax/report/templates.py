"""The pages as Jinja templates: filters, content security policy, data of the script.

Templates lie in `templates/`, scripts in `scripts/` and style sheets in `styles/`. Text from
outside is cleaned and escaped wherever a template shows it.
"""

import base64
import functools
import hashlib
import importlib.resources
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from avae_jax.report import terms
from avae_jax.report.text import decimal, number, plain, strict

if TYPE_CHECKING:
    from jinja2 import Environment


def render(
    template: str,
    values: dict[str, Any],
    *,
    scripts: Sequence[str],
    styles: Sequence[str] = ("page.css",),
    data: Any,
) -> str:
    """A page that refers to no other file.

    Args:
      template: name of a file in `templates/`.
      values: what the template shows.
      scripts, styles: names of files in `scripts/` and `styles/`; a browser runs these alone.
      data: what the scripts find in the page, as JSON.
    """
    from markupsafe import Markup

    script = joined("scripts", tuple(scripts))
    return (
        environment()
        .get_template(template)
        .render(
            values,
            policy=Markup(policy(script)),
            style=Markup(joined("styles", tuple(styles))),
            script=Markup(script),
            embedded=Markup(embedded(data)),
        )
    )


@functools.cache
def environment() -> "Environment":
    """The templates of the package; an unknown name in a template is an error."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("avae_jax.report"),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cut": plain,
        "decimal": decimal,
        "number": number,
        "share": share,
        "signed": signed,
    }
    made.globals |= {"TERMS": terms.TERMS, "anchor": terms.anchor}
    made.globals["show"] = made.get_template("macros.html").module
    return made


def _finalize(value: Any) -> Any:
    """Text without control characters; markup of the templates as it is."""
    return plain(value) if type(value) is str else value


def share(value: Any) -> str:
    """A share of 1 in whole per cent."""
    return f"{decimal(100 * value, 0)} %"


def signed(value: Any, digits: int = 1) -> str:
    """A difference, with its sign."""
    return f"+{decimal(value, digits)}" if value > 0 else decimal(value, digits)


@functools.cache  # the script that is written must be the one that may run
def joined(folder: str, names: tuple[str, ...]) -> str:
    """Files of the package as one text."""
    place = importlib.resources.files(__package__).joinpath(folder)
    return "\n".join(place.joinpath(name).read_text(encoding="utf-8") for name in names)


def policy(script: str) -> str:
    """The content security policy: pictures in the page, and only this script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def embedded(values: Any) -> str:
    """Values as JSON that can stand in a script element."""
    text = json.dumps(strict(values), allow_nan=False, separators=(",", ":"))
    # Neither a tag nor a comment may begin or end in a script; JSON says these signs otherwise.
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def uri(kind: str, content: bytes) -> str:
    """A file as part of the page."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
