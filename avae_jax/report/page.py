"""The report as one self-contained HTML page."""

import base64
import json
from typing import Any

from avae_jax.report import explorer, gallery, loss_chart, parts, pose_curve, settling, table
from avae_jax.report.findings import Findings
from avae_jax.report.stylesheet import CSS
from avae_jax.report.text import escaped, plain, strict
from avae_jax.report.tiles import tiles

SETTLING = {
    2: "Each beam points where the found pose puts the top of the objects; its area is the share "
    "of held-out examples, and the dashed circle is an even spread.",
    3: "Each histogram shows how far found poses lie from the common pose of their label; the "
    "dashed line is what rotations at random would give.",
}
RESULTANT = (
    "Where the found poses of a label agree, the model has settled on one canonical pose. The "
    "resultant length is 1 where all of them agree and near 0 where they are spread evenly."
)


def html(findings: Findings) -> str:
    """The page, without a reference to anything outside itself."""
    title = escaped(findings.title, 120)
    live = findings.exploration is not None
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - avae_jax</title>
<link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{explorer.policy()}">
<style>{CSS}{explorer.style() if live else ""}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>An affine variational autoencoder. Each held-out example was put in a random pose; the search
finds the pose at which the model explains it best. There, in the canonical frame, the model
encodes and decodes it, and the inverse carries the reconstruction back.</p>
{tiles(findings.summary)}
</header>
<main>
{parts.turning(findings)}
{_gallery(findings)}
{parts.atlas(findings)}
{_settling(findings)}
{parts.moments(findings)}
{_charts(findings)}
<section>
<h2>All numbers</h2>
{table.table(findings.summary)}
</section>
<details>
<summary>Effective config</summary>
<pre>{_config(findings)}</pre>
</details>
</main>
{parts.script(findings)}
</body>
</html>
"""


def _section(title: str, text: str, body: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n<p>{text}</p>\n{body}\n</section>"


def _chart(svg: bytes, alt: str) -> str:
    """A picture of its own, which can be dragged out of the page and keeps its ids apart."""
    data = base64.b64encode(svg).decode("ascii")
    return f'<img class="chart" alt="{escaped(alt)}" src="data:image/svg+xml;base64,{data}">'


def _gallery(findings: Findings) -> str:
    body = gallery.table(findings.gallery, findings.label_names)
    text = "Held-out examples, each in the pose it was given, as the search found it and back."
    if findings.gallery.observation.ndim == 5:
        text += (
            " The canonical rows are turned by one rotation, the same for all, to stand upright."
        )
    return _section("From the input to the canonical frame and back", text, _wide(body))


def _settling(findings: Findings) -> str:
    dimensions = findings.gallery.observation.ndim - 2
    drawn = settling.draw(findings.moments, findings.label_names, dimensions=dimensions)
    if drawn is None:
        return ""
    present, most = len(settling.labels(findings.moments)), settling.LABELS
    note = f"The first {most} of {present} labels are shown." if present > most else ""
    body = _wide(_chart(drawn, "Found poses per label at moments of training"))
    return _section("The model settles", f"{RESULTANT} {SETTLING[dimensions]} {note}", body)


def _charts(findings: Findings) -> str:
    charts = []
    if findings.curve is not None and len(findings.curve.degrees):
        charts.append(_chart(pose_curve.draw(findings.curve), "Loss against the pose of the input"))
    trained = loss_chart.draw(findings.metrics)
    if trained is not None:
        charts.append(_chart(trained, "Loss against the step of training"))
    if not charts:
        return ""
    text = "Loss is the negative log-likelihood (nll) plus the KL divergence (kl), in nats."
    return _section("Losses", text, f'<div class="pair">{"".join(charts)}</div>')


def _wide(body: str) -> str:
    """What may be wider than the screen scrolls by itself."""
    return f'<div class="wide">{body}</div>'


def _config(findings: Findings) -> str:
    """One `field=value` a line, as the command line takes them."""
    fields = table.flat(strict(findings.config)).items()
    return "\n".join(escaped(f"{key}={_literal(value)}") for key, value in fields)


def _literal(value: Any) -> str:
    return plain(value) if isinstance(value, str) else json.dumps(value, default=str)
