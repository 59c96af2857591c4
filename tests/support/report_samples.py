"""A small exploration made by hand, whose every number is known."""

import base64
import functools
import html.parser
import json
import pathlib
import re
import tempfile
import xml.etree.ElementTree

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report import summary
from avae_jax.report.folder import Alignment, Pair, Section

KEPT = 2


def bar(degrees, side=16):
    """A bar with a foot, turned counter-clockwise, `[side, side, 1]`."""
    y, x = np.indices((side, side)) - (side - 1) / 2
    turn = np.radians(degrees)
    along, aside = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    body = (np.abs(along) < side * 0.36) & (np.abs(aside) < side * 0.09)
    foot = (np.abs(along - side * 0.3) < side * 0.07) & (aside > 0) & (aside < side * 0.3)
    return (body | foot).astype(np.float32)[..., None]


def solid(degrees, side=8):
    """The same as a thin volume that stands, `[side, side, side, 1]`."""
    volume = np.zeros((side, side, side, 1), np.float32)
    flat = bar(degrees, side)
    volume[:, :, 2:6] = flat[:, :, None]
    return volume


def trial(example, found, *, volume=False):
    """One dial: the loss is 100 at the pose `found`, a second optimum lies opposite."""
    draw = solid if volume else bar
    own = 0.0 if volume else found
    # Pictures of volumes take time.
    grid = np.arange(-150.0, 190.0, 30.0) if volume else np.arange(-170.0, 190.0, 10.0)
    stops = grid if volume else np.sort(np.append(grid, own))
    values = np.append(stops, [own, np.nan if volume else (own + 360) % 360 - 180])
    away = np.radians(np.where(np.isnan(values), own + 180, values) - own)
    losses = 150 - 40 * np.cos(away) - 10 * np.cos(2 * away)
    turned = np.stack([draw(value) for value in np.nan_to_num(values)])
    still = np.stack([draw(0.0)] * len(values))
    return report.Trial(example, values, losses, turned, still, turned, ("+1 deg", "-179 deg"))


def exploration(count=30, *, volume=False, labels=True):
    """`count` examples on the map, dials for five and the last one, every fifth doubtful."""
    draw, random = solid if volume else bar, np.random.default_rng(0)
    angles = random.uniform(-180, 180, count).round()
    chosen = [*range(min(5, count)), count - 1]
    atlas = report.Atlas(
        observed=np.stack([draw(-angle) for angle in angles]),
        canonical=np.stack([draw(0.0)] * count),
        place=random.normal(size=(count, 2)),
        shares=(0.4, 0.2),
        labels=np.arange(count) % 3 if labels else None,
        loss_before=np.full(count, 150.0),
        loss_after=np.full(count, 100.0),
        gap=np.where(np.arange(count) % 5 == 4, 1.5, np.inf),
        doubtful=np.arange(count) % 5 == 4,
        moved_by=tuple(f"{angle:+.0f} deg" for angle in angles),
        neighbours=(np.arange(count)[:, None] + np.arange(1, min(4, count))) % count,
    )
    walks = report.Walks(
        stops=np.array([-2.0, 0.0, 2.0]),
        axes=np.stack([np.stack([draw(30.0 * i * k) for i in range(3)]) for k in range(2)]),
        shares=(0.4, 0.2),
        pairs=np.array([[0, 1], [0, 2], [1, 2]])[: count - 1 if count < 3 else 3].reshape(-1, 2),
        between=np.stack([np.stack([draw(20.0 * i) for i in range(4)])] * 3)[
            : 3 if count > 2 else count - 1
        ],
    )
    trials = tuple(trial(i, float(angles[i]), volume=volume) for i in chosen)
    return report.Exploration("rotation", "deg", volume, True, 5.0, trials, atlas, walks)


VOID = {"br", "meta", "link", "img", "input"}
SUMMARY = report.Summary(
    loss=summary.Losses(upright=121.3, posed=164.6, posed_search=119.2),
    pose=summary.PoseErrors(median_deg=6.3, within_20=0.87, resultant_length=0.85),
    canonical=summary.CanonicalFrame(outside=0.001, cropped=0.0004),
    search=summary.SearchCost(forward_equivalents=41.2, seconds_per_example=0.0049, preset="fast"),
    train=summary.Training(steps=600, seconds=81.5),
)


def gallery(shape=(9, 9, 1), count=12, labels=True):
    key = np.random.default_rng(0)
    pictures = (key.uniform(0, 1, (count, *shape)).astype(np.float32) for _ in range(4))
    losses = key.uniform(50, 90, (2, count))
    named = np.arange(count) % 3 if labels else None
    return report.Gallery(*pictures, named, *losses, tuple(f"{10 * i} deg" for i in range(count)))


def moments(labels=3, count=4):
    key = np.random.default_rng(1)
    return tuple(
        report.Snapshot(
            100 * i,
            key.uniform(0, 180, 60),
            key.integers(0, labels, 60),
            0.3 * i,
            loss=120 - 5.0 * i,
        )
        for i in range(count)
    )


def findings(**changes):
    degrees = np.arange(-180.0, 181.0, 30.0)
    steps = np.arange(10, 310, 10)
    whole = report.Findings(
        reliability=report.Reliability(
            (0.5, 0.8, 0.9, 0.95, 0.99),
            (0.2, 0.4, 0.5, 0.55, 0.6),
            (0.5, 0.81, 0.9, 0.94, 1.0),
            64,
            {"temperature": 3.0, "width": 1.5, "tail": 0.5, "reach": 4.0},
            8.5,
            0.1,
            0.12,
        ),  # fmt: skip
        title="digits, rotation",
        config={"data": {"source": "digits", "size": 0}, "search": {"kind": None}, "seed": 0},
        summary=SUMMARY,
        gallery=gallery(),
        curve=report.Curve(degrees, 160 - degrees / 10, degrees * 0 + 119, "rotation (degrees)"),
        moments=moments(),
        metrics=tuple(
            {"step": int(s), "loss": 100 + 900 / s, "nll": 85 + 900 / s, "kl": 15.0} for s in steps
        ),
        label_names=("cat", "dog", "bird"),
    )
    return whole._replace(**changes)


def measured(*, higher=0.0, seed=0, **changes):
    """Findings with numbers of each held-out example; losses are so many nats `higher`."""
    random = np.random.default_rng(seed)
    columns = {
        "index": np.arange(40),
        "label": np.arange(40) % 3,
        "loss_posed_nats": random.normal(160, 9, 40) + higher,
        "loss_posed_search_nats": random.normal(120, 9, 40) + higher,
        "error_deg": random.uniform(0, 40, 40),
        "resultant": random.uniform(0.5, 1, 40),
    }
    return findings(held_out=columns)._replace(**changes)


class Page(html.parser.HTMLParser):
    """What a page holds; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def charts(self):
        """The charts as parsed SVG, by their alternative text."""
        found = {}
        for tag, attributes in self.tags:
            if tag == "img" and attributes.get("class") == "chart":
                data = base64.b64decode(attributes["src"].partition("base64,")[2])
                found[attributes["alt"]] = xml.etree.ElementTree.fromstring(data)
        return found


def written(folder, **changes):
    report.write(folder, findings(**changes))
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def files_of(found):
    """The text of every file of a report, by name."""
    with tempfile.TemporaryDirectory() as name:
        report.write(pathlib.Path(name), found)
        files = pathlib.Path(name).iterdir()
        return {file.name: file.read_text(encoding="utf-8") for file in files}


@functools.cache
def plain_files():
    """Those of `findings()`, which several tests look at and none changes."""
    return files_of(findings())


@functools.cache
def explored_files():
    """Those of `explored()`."""
    return files_of(explored())


NASTY = (
    "<script>alert(1)</script>",
    '" on=1 $x_1$ & $\\frac',
    "\u732b \U0001f408 \x00\x07\ud800 \u202eabc " + "long " * 80,
)


def explored(**changes):
    """Findings with an exploration and inputs at every moment of training."""
    inputs = [np.stack([bar(30 * i + 60 * k) for i in range(9)]) for k in range(4)]
    seen = tuple(
        moment._replace(canonical_input=pictures)
        for moment, pictures in zip(moments(), inputs, strict=True)
    )
    return findings(exploration=exploration(), moments=seen)._replace(**changes)


def given(text):
    """The data that stand in a page."""
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(block[1], parse_constant=pytest.fail)


def alignment(count=120, shape=(9, 9, 1), **changes):
    """A page of `count` examples, every seventh doubtful."""
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 1, (4, 2, *shape)).astype(np.float32)
    pairs = [Pair(*two, f"image {i}", ("+3 deg",), i == 1) for i, two in enumerate(pictures)]
    table = {
        "name": np.array([f"image_{i}.png" for i in range(count)]),
        "rotation_deg": random.uniform(-180, 180, count),
        "shift_x_px": np.where(np.arange(count) == 3, np.nan, random.normal(size=count)),
        "doubtful": np.arange(count) % 7 == 0,
        "class": np.arange(count) % 3 + 1,
    }
    sections = (
        Section("Mean of all", pairs[:1]),
        Section("Averages", [pairs[0]._replace(after=None)]),
    )
    sections += (Section("Examples, evenly spaced", pairs), Section("Doubtful", []))
    names = tuple(f"image_{10 * i}.png" for i in range(12))
    atlas = exploration(12, volume=len(shape) == 4, labels=False).atlas
    atlas = atlas._replace(places=10 * np.arange(12), names=names)
    page = Alignment(
        "stack.npy", "All is well.", ("A fact.",), sections, table, count, ("a=1",), atlas
    )
    return page._replace(**changes)
