"""The first screen of the page: run, verdict, a strip of examples and headline numbers."""

from avae_jax.report import gallery
from avae_jax.report.agreement import verdict
from avae_jax.report.findings import Findings, Run
from avae_jax.report.text import escaped
from avae_jax.report.tiles import tiles

STRIP = 8  # examples
ROWS = (
    ("observation", "as it came"),
    ("canonical_input", "aligned"),
    ("canonical_reconstruction", "drawn by the model"),
)


def header(findings: Findings) -> str:
    """The first screen as HTML."""
    return f"""<header>
<h1>{escaped(findings.title, 120)}</h1>
{_run(findings)}
<p class="verdict">{escaped(verdict(findings))}</p>
{_strip(findings)}
{tiles(findings.summary)}
<p>An affine variational autoencoder. Each held-out example was moved to a random pose. The search
finds the pose at which the model explains it best. This pose moves the example to the canonical
frame, where the model encodes and decodes it. The inverse pose moves the reconstruction back.</p>
</header>"""


def _run(findings: Findings) -> str:
    run, train = findings.run, findings.summary.train
    if run is None:
        return ""
    minutes = "" if train.seconds is None else f"trained in {train.seconds / 60:.1f} minutes"
    facts = (run.date, f"avae_jax {run.version}", run.device, f"seed {run.seed}", minutes)
    said = " &middot; ".join(escaped(fact) for fact in facts if fact)
    return f'<p class="run">{said}{_command(run)}</p>'


def _command(run: Run) -> str:
    return f"<br><code>{escaped(run.command, 400)}</code>" if run.command else ""


def _strip(findings: Findings) -> str:
    """The first examples as they came, aligned and drawn, with words beside each row."""
    shown = findings.gallery
    count = min(STRIP, len(shown.observation))
    rows = "".join(
        f'<tr><th scope="row">{title}</th>{gallery.cells(shown, field, title, count)}</tr>'
        for field, title in ROWS
    )
    return f'<div class="wide"><table class="gallery opening">{rows}</table></div>'


def navigation(sections: list[tuple[str, str, bool]]) -> str:
    """Links to the sections `(id, title, needs the script)`, which stay in view."""
    links = "".join(
        f'<a href="#{name}"{" class=live" if live else ""}>{title}</a>'
        for name, title, live in sections
    )
    return f'<nav aria-label="Sections">{links}</nav>'
