"""The frame of every page: head, style, content security policy and the data of its script."""

import base64
import hashlib
import json
from typing import Any

from avae_jax.report.stylesheet import CSS
from avae_jax.report.text import escaped, strict


def html(title: str, body: str, *, script: str, style: str = "") -> str:
    """A page that refers to no other file.

    Args:
      body: HTML; where it needs the script, it holds a script element of type module with it.
      script: the only script that a browser may run.
      style: more than the style sheet of all pages.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title, 120)} - avae_jax</title>
<link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{policy(script)}">
<style>{CSS}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


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
