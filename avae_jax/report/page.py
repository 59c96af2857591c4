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
    2: "Each beam shows a direction of the top of the objects at the found pose; its area is the "
    "share of held-out examples, and the dashed circle is an even spread.",
    3: "Each histogram shows the angles of the found poses from the common pose of their label; "
    "the dashed line is the distribution of random rotations.",
}
RESULTANT = (
    "If the found poses of a label agree, the model has one canonical pose for it. The "
    "resultant length is 1 if all of them agree and near 0 if they are spread evenly."
)


def html(findings: Findings) -> str:
    """The page, without references to other files."""
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
<p>An affine variational autoencoder. Each held-out example was moved to a random pose; the search
finds the pose at which the model explains it best. This pose moves the example to the canonical
frame, where the model encodes and decodes it. The inverse pose moves the reconstruction back.</p>
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
    """A separate picture, which can be dragged out of the page and has its own ids."""
    data = base64.b64encode(svg).decode("ascii")
    return f'<img class="chart" alt="{escaped(alt)}" src="data:image/svg+xml;base64,{data}">'


def _gallery(findings: Findings) -> str:
    body = gallery.table(findings.gallery, findings.label_names)
    text = "Held-out examples: at the applied pose, at the found pose, and moved back."
    if findings.gallery.observation.ndim == 5:
        text += " One rotation, the same for all, displays the canonical rows upright."
    return _section("From the input to the canonical frame and back", text, _wide(body))


def _settling(findings: Findings) -> str:
    dimensions = findings.gallery.observation.ndim - 2
    drawn = settling.draw(findings.moments, findings.label_names, dimensions=dimensions)
    if drawn is None:
        return ""
    present, most = len(settling.labels(findings.moments)), settling.LABELS
    note = f"The first {most} of {present} labels are shown." if present > most else ""
    body = _wide(_chart(drawn, "Found poses per label at moments of training"))
    return _section(
        "Convergence to a canonical pose", f"{RESULTANT} {SETTLING[dimensions]} {note}", body
    )


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
    """A container that scrolls if its content is wider than the screen."""
    return f'<div class="wide">{body}</div>'


def _config(findings: Findings) -> str:
    """Lines `field=value`, in the syntax of the command line."""
    fields = table.flat(strict(findings.config)).items()
    return "\n".join(escaped(f"{key}={_literal(value)}") for key, value in fields)


def _literal(value: Any) -> str:
    return plain(value) if isinstance(value, str) else json.dumps(value, default=str)
