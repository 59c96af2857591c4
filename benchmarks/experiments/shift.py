"""Distribution shift at inference only: a frozen upright VAE, wrapped in a family of poses."""

import functools
from typing import Any

import jax
import numpy as np
from sklearn.metrics import roc_auc_score

from avae_jax import Posed, SearchOptions, affine_vae, family, resolve
from avae_jax.inference.find_poses import build_bank
from benchmarks.experiments.letters import letters
from benchmarks.experiments.posed_losses import at_random, nats, unmoved, with_interval
from benchmarks.experiments.runs import Setting, Trained, trained

# What the digits do -> the family that is searched.
SHIFTS = {
    "rotated": "rotation",
    "shifted": "translation",
    "scaled": "scale",
    "sheared": "shear_yx",
    "rotated, shifted and scaled": "similarity",
}


def measure(setting: Setting) -> dict[str, Any]:
    """Losses in nats by kind of shift, and how well they tell letters from digits."""
    model = trained(setting, "mnist_upright")
    upright = with_interval(nats(model.posed, model.x, unmoved(model.posed, model.x)))
    rows = {}
    for name, group in SHIFTS.items():
        posed = wrapped(model, group)
        x, applied = at_random(posed, model.x)
        losses = _both(posed, x)
        true = nats(posed, x, np.linalg.inv(applied).astype(np.float32))
        rows[name] = {key: with_interval(value) for key, value in losses.items()}
        rows[name]["at_true_pose"] = with_interval(true)
        means = {key: round(value["mean"], 1) for key, value in rows[name].items()}
        print(f"{name}: {means}", flush=True)
    return {"upright": upright, "shifts": rows, "letters": _strangers(model)}


def _strangers(model: Trained) -> dict[str, Any]:
    """Losses of letters beside digits, and the area under the curve of telling them apart."""
    posed, strange = wrapped(model, "rotation"), letters(len(model.x))
    digits, others = (_both(posed, at_random(posed, x)[0]) for x in (model.x, strange))
    still = [nats(posed, x, unmoved(posed, x)) for x in (model.x, strange)]
    digits["upright"], others["upright"] = still
    is_letter = np.repeat([0, 1], len(strange))
    return {
        way: {
            "digits": with_interval(digits[way]),
            "letters": with_interval(others[way]),
            "auc": float(roc_auc_score(is_letter, np.concatenate([digits[way], others[way]]))),
        }
        for way in digits
    }


def _both(posed: Posed, x: np.ndarray) -> dict[str, np.ndarray]:
    """Losses `[n]` without and with the search."""
    return {
        "without": nats(posed, x, unmoved(posed, x)),
        "with_search": nats(posed, x, posed.pose(x)),
    }


def wrapped(model: Trained, group: str) -> Posed:
    """The same weights, searched over another family of poses."""
    trained = model.posed.trained
    old = trained.avae
    kept = {"ranges": old.ranges, "likelihood": old.likelihood}
    avae = affine_vae(old.model, old.inner, old.fill, group=family(group, old.group.d), **kept)
    search = resolve(SearchOptions(), avae.group)
    build = jax.jit(functools.partial(build_bank, avae=avae, options=search))
    bank = build(trained.params, trained.met)
    return Posed(trained._replace(avae=avae, search=search, bank=bank), model.posed.batch)
