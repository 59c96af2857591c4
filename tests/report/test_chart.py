"""Tests of `avae_jax.report.chart`."""

import numpy as np

from avae_jax.report import chart


def paint(figure):
    axes = figure.add_axes((0.1, 0.1, 0.6, 0.8))
    axes.plot(np.arange(3), np.arange(3))
    axes.set_title("$cost$")
    chart.name_ends(axes, [(1.0, "one", chart.INK), (1.0, "other", chart.INK)])


def test_svg_same_bytes_with_text_as_text():
    first = chart.svg(paint, width=300, height=200)
    assert first == chart.svg(paint, width=300, height=200)
    for text in (b"$cost$", b"one", b"other"):
        assert text in first


def test_name_ends_moves_texts_apart():
    places = []

    def watched(figure):
        paint(figure)
        places.extend(text.xy[1] for text in figure.axes[0].texts)

    chart.svg(watched, width=300, height=200)
    assert places[1] > places[0]
