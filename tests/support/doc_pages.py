"""The pages of the documentation as tests see them: their blocks of code, their commands."""

import re
import shlex
from typing import NamedTuple

from tests.support import ROOT

PAGES = [
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`]+)`")
MAIN = ["python", "-m", "avae_jax.main"]


class Block(NamedTuple):
    """A fenced block, and the text that a block `text` right below says it gives."""

    language: str
    code: str
    given: str | None


def text_of(page):
    return (ROOT / page).read_text()


def blocks_of(page):
    """The fenced blocks of a page in their order."""
    found = list(FENCE.finditer(text_of(page)))
    below = [None] * len(found)
    for at, (one, other) in enumerate(zip(found, found[1:], strict=False)):
        between = text_of(page)[one.end() : other.start()]
        if other[1] == "text" and not between.strip():
            below[at] = other[2].strip()
    return [Block(one[1], one[2], given) for one, given in zip(found, below, strict=True)]


def spans_of(page):
    """The code within the text of a page, on one line each."""
    text = FENCE.sub("", text_of(page))
    return [re.sub(r"\s+", " ", span) for span in SPAN.findall(text)]


def commands_in(shell):
    """The command lines of a block of shell, as lists of words without `NAME=value` before."""
    lines = re.sub(r"\\\n", " ", shell).splitlines()
    for part in "&&".join(lines).split("&&"):
        words = shlex.split(part, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words:
            yield [re.sub(r"^\.venv/bin/", "", words[0]), *words[1:]]


def commands_of(page):
    """Every command line of a page, those within its text too; flags alone are of `MAIN`."""
    for block in blocks_of(page):
        if block.language == "sh":
            yield from commands_in(block.code)
    for span in spans_of(page):
        words = span.replace("--config ...", "").replace("...", "").split()
        if re.match(r"(python|pip) |launch/", span):
            yield words
        elif re.match(r"--(config|mode|platform|topology)[ .]|--list-options", span):
            yield [*MAIN, *words]
