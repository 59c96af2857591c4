"""The map of an alignment: a sample of the examples, before and after, similar ones close."""

import numpy as np

from avae_jax.alignment.examples import levels
from avae_jax.alignment.job import Work
from avae_jax.alignment.row_store import Column
from avae_jax.evaluation.latent_space import neighbours, principal
from avae_jax.report import Atlas
from avae_jax.report.folder import WORDS
from avae_jax.report.picture import shrunk
from avae_jax.transform.describe import sentences

# Examples of the map and their longest side, by dimension: a volume takes time to render.
MAPPED, SIDES = {2: 200, 3: 40}, {2: 40, 3: 32}


def example_map(work: Work, columns: dict[str, Column]) -> Atlas:
    """Evenly spaced examples, placed by their latent codes or, without a model, by their pixels."""
    avae, stack = work.trained.avae, work.stack
    d, count = avae.group.d, stack.shape[0]
    index = np.unique(np.linspace(0, count - 1, min(count, MAPPED[d])).round().astype(int))
    # Pictures are shrunk one after the other: together they would take the memory of a stack.
    known = {name: one for name, one in columns.items() if name not in ("aligned", "drawn")}
    rows = [{name: one.read(i, i + 1)[0] for name, one in known.items()} for i in index]
    before = np.stack([_small(stack.raw(i, i + 1)[0], work) for i in index])
    aligned = (columns["aligned"].read(i, i + 1)[0] for i in index)
    after = np.stack([_small(one.reshape(stack.example), work) for one in aligned])
    codes = after.reshape(len(after), -1) if work.known else np.stack([r["latents"] for r in rows])
    place, shares = principal(codes.astype(np.float64))
    losses = np.stack([row["losses"] for row in rows]).astype(float)
    if work.known:
        # Densities of standardised noise, which say nothing to a reader.
        losses[:, :2] = np.nan
    poses = np.linalg.inv(np.stack([row["poses"] for row in rows]))
    classes = work.known.columns.get("class") if work.known else None
    return Atlas(
        observed=before,
        canonical=after,
        place=place,
        shares=shares,
        labels=None if classes is None else np.asarray(classes)[index],
        loss_before=losses[:, 0],
        loss_after=losses[:, 1],
        gap=losses[:, 2],
        doubtful=np.array([bool(row["doubtful"]) for row in rows]),
        moved_by=sentences(poses, avae.group, work.seen.own),
        neighbours=neighbours(codes),
        places=index,
        names=tuple(stack.key(int(i)) for i in index),
    )


def map_words(work: Work) -> dict[str, str]:
    """What the map calls its examples."""
    return WORDS | {"codes": "pixels of the aligned examples"} if work.known else WORDS


def _small(raw: np.ndarray, work: Work) -> np.ndarray:
    return shrunk(levels(raw, work), SIDES[work.trained.avae.group.d])
