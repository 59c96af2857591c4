"""docs/project/results.md, written from the collected numbers."""

from typing import Any

from benchmarks.experiments.sections import SECTIONS
from benchmarks.experiments.table1 import PUBLISHED

INTRODUCTION = """# Results

This page replicates every claim of the original article (R. Bidart and A. Wong, *Affine Variational
Autoencoders*, 2019), beside baselines. `launch/experiment.sh collect` writes this page, its figures
and [experiments.json](../../benchmarks/results/experiments.json). The command of each experiment is
above its table, the **size** below it. Both sizes of MNIST draw from all 60,000 images: `small` for
1,000 updates, two epochs (affine maps 500), `full` for ten epochs. Losses are nats per held-out
example unless a table says otherwise. Intervals are 95 % bootstrap intervals over examples. Rows of
several seeds give the mean and the standard deviation over seeds. Other jobs ran on the same
machine, so run times are up to five times as long as on free cores. Rotated digits of size
`small` were searched with a pose head (`search.learned`), of size `full` without, as by default.
[Measurements](measurements.md) has the results of the commands, [costs](costs.md) of the searches.
"""


def page(collected: dict[str, Any]) -> str:
    """All of docs/project/results.md."""
    parts = [INTRODUCTION]
    parts.append(f"## In one table\n\n{summary(collected)}\n")
    for name, (title, body) in SECTIONS.items():
        if name in collected:
            numbers = collected[name]
            command = _command(name, numbers["about"])
            parts.append(f"## {title}\n\n{command}\n\n{body(numbers)}\n")
            parts.append(f"![{title}](../figures/results/{name}.png)\n")
            parts.append(_provenance(numbers["about"]))
    return "\n".join(parts)


def summary(collected: dict[str, Any]) -> str:
    """One table of what matters most, and what it was measured by."""
    lines = ["| claim | here | published |", "|---|---|---|"]
    if "table1" in collected:
        nats, source = collected["table1"]["nats"], collected["table1"]["source_loss"]
        rows = ", ".join(f"{nats[row]:.1f}" for row in PUBLISHED)
        models = "search in training, upright, augmented (all searched), plain VAE"
        lines.append(f"| Table 1: {models}; nats | {rows} | |")
        rows = ", ".join(f"{source[row]:.1f}" for row in PUBLISHED)
        published = ", ".join(str(value) for value in PUBLISHED.values())
        lines.append(f"| the same in the loss of the article | {rows} | {published} |")
    if "affine" in collected:
        affine = collected["affine"]
        lower = 100 * (1 - affine["search"] / affine["vae"])
        lines.append(f"| general affine maps: loss lower than a VAE's by | {lower:.0f} % | 14 % |")
    if "volumes" in collected:
        lower = [row["lower_percent"]["mean"] for row in collected["volumes"]["rows"]]
        text = f"{min(lower):.0f} to {max(lower):.0f} %"
        lines.append(f"| volumes: squared error lower by | {text} | 12 to 22 % |")
    abouts = [part["about"] for name, part in collected.items() if name in SECTIONS]
    commits = sorted({commit for about in abouts for commit in about["commits"]})
    machine, minutes = abouts[0]["machine"], sum(about["minutes"]["training"] for about in abouts)
    names = [name for name in SECTIONS if name in collected]
    about = {name: collected[name]["about"] for name in names}
    seeds = ", ".join(f"{name} {told['size']} {len(told['seeds'])}" for name, told in about.items())
    lines += [
        "",
        f"{machine['cores']} cores of {machine['cpu']}; sizes and seeds: {seeds};",
        f"{minutes:.0f} minutes of training a seed, models that experiments share counted in each; "
        f"commits {', '.join(commits)}.",
    ]
    return "\n".join(lines)


def _command(name: str, about: dict[str, Any]) -> str:
    call = f"launch/experiment.sh {name} --size {about['size']} --seed"
    return "\n".join(["```sh", *(f"{call} {seed}" for seed in about["seeds"]), "```"])


def _provenance(about: dict[str, Any]) -> str:
    machine, minutes = about["machine"], about["minutes"]
    return (
        f"Size `{about['size']}`. Commit {', '.join(about['commits'])}; "
        f"{machine['cores']} cores of {machine['cpu']}, device {machine['device']}; "
        f"seeds {', '.join(map(str, about['seeds']))}; "
        f"{minutes['training']:.0f} minutes of training a seed, models shared with other "
        "experiments included.\n"
    )
