"""The report as one self-contained HTML page."""

import base64
import json
from typing import Any

from avae_jax.report import (
    agreement,
    agreement_chart,
    error_chart,
    explorer,
    gallery,
    loss_chart,
    opening,
    parts,
    pose_curve,
    settling,
    shell,
    table,
)
from avae_jax.report.findings import Findings
from avae_jax.report.text import escaped, plain, strict

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

FAILED = (
    "A peak at 180 degrees is no failure of the search: the object looks alike upside down, or its "
    "label keeps two poses. A label is settled if at least 80 % of its examples lie within 20 "
    "degrees of its common pose."
)
ONE_DRAW = (
    "Losses of single examples, here and where poses are tried, are taken at the mean of the "
    "latent code, as the search sees them."
)


def html(findings: Findings) -> str:
    """The page, without references to other files."""
    sections = _sections(findings)
    links = [(name, title, alive) for name, title, alive, body in sections if body]
    body = f"""{opening.header(findings)}
{opening.navigation(links)}
<main>
{"".join(body for *_, body in sections)}
</main>
{parts.script(findings)}"""
    style = explorer.style() if findings.exploration is not None else ""
    return shell.html(findings.title, body, script=explorer.script(), style=style)


def _sections(findings: Findings) -> list[tuple[str, str, bool, str]]:
    """Id, title in the navigation, whether it needs the script, and HTML of each section."""
    return [
        ("turning", "Try poses", True, parts.turning(findings)),
        ("gallery", "Examples", False, _gallery(findings)),
        ("labels", "Pose errors", False, _labels(findings)),
        ("atlas", "Map", True, parts.atlas(findings)),
        ("settling", "Settling", False, _settling(findings)),
        ("training", "Training", True, parts.moments(findings)),
        ("losses", "Losses", False, _charts(findings)),
        ("numbers", "All numbers", False, _numbers(findings)),
        ("config", "Config", False, _config_part(findings)),
    ]


def _section(name: str, title: str, text: str, body: str) -> str:
    return f'<section id="{name}">\n<h2>{title}</h2>\n<p>{text}</p>\n{body}\n</section>'


def _chart(svg: bytes, alt: str) -> str:
    """A separate picture, which can be dragged out of the page and has its own ids."""
    data = base64.b64encode(svg).decode("ascii")
    return f'<img class="chart" alt="{escaped(alt)}" src="data:image/svg+xml;base64,{data}">'


def _gallery(findings: Findings) -> str:
    body = gallery.table(findings.gallery, findings.label_names)
    text = "Held-out examples: at the applied pose, at the found pose, and moved back."
    if findings.exploration is not None:
        text += f" {ONE_DRAW}"
    if findings.gallery.observation.ndim == 5:
        text += " One rotation, the same for all, displays the canonical rows upright."
    return _section("gallery", "From the input to the canonical frame and back", text, _wide(body))


def _settling(findings: Findings) -> str:
    dimensions = findings.gallery.observation.ndim - 2
    drawn = settling.draw(findings.moments, findings.label_names, dimensions=dimensions)
    if drawn is None:
        return ""
    present, most = len(settling.labels(findings.moments)), settling.LABELS
    note = f"The first {most} of {present} labels are shown." if present > most else ""
    body = _wide(_chart(drawn, "Found poses per label at moments of training"))
    return _section(
        "settling",
        "Convergence to a canonical pose",
        f"{RESULTANT} {SETTLING[dimensions]} {note}",
        body,
    )


def _charts(findings: Findings) -> str:
    charts = []
    if findings.curve is not None and len(findings.curve.degrees):
        charts.append(_chart(pose_curve.draw(findings.curve), "Loss against the pose of the input"))
    trained = loss_chart.draw(findings.metrics)
    if trained is not None:
        charts.append(_chart(trained, "Loss against the step of training"))
    agreed = agreement_chart.draw(findings.moments)
    if agreed is not None:
        charts.append(_chart(agreed, "Agreement of poses against the step of training"))
    if not charts:
        return ""
    text = "Loss is the negative log-likelihood (nll) plus the KL divergence (kl), in nats."
    if findings.gallery.observation.ndim == 4:
        text += " Dips at right angles are no fault: there the pixels need no interpolation."
    return _section("losses", "Losses", text, f'<div class="pair">{"".join(charts)}</div>')


def _labels(findings: Findings) -> str:
    found = findings.agreement
    if found is None or not len(found.degrees):
        return ""
    drawn = _chart(error_chart.draw(found), "Histogram of the angles from the common pose")
    table = _wide(agreement.table(found, findings.label_names))
    return _section(
        "labels",
        "Where poses agree and where not",
        FAILED,
        f'<div class="pair">{drawn}{table}</div>',
    )


def _numbers(findings: Findings) -> str:
    text = "Means over the held-out examples; losses are averages over draws of the latent code."
    return _section("numbers", "All numbers", text, table.table(findings.summary))


def _config_part(findings: Findings) -> str:
    return f"""<details id="config">
<summary>Effective config</summary>
<pre>{_config(findings)}</pre>
</details>"""


def _wide(body: str) -> str:
    """A container that scrolls if its content is wider than the screen."""
    return f'<div class="wide">{body}</div>'


def _config(findings: Findings) -> str:
    """Lines `field=value`, in the syntax of the command line."""
    fields = table.flat(strict(findings.config)).items()
    return "\n".join(escaped(f"{key}={_literal(value)}") for key, value in fields)


def _literal(value: Any) -> str:
    return plain(value) if isinstance(value, str) else json.dumps(value, default=str)
