"""What turning digits costs a classifier of upright ones, and what canonicalising wins back.

    AVAE_DATA=data python -m avae_jax.main --config mnist_idx --config.data.pose=as_is \\
        --config.train.search=false --workdir runs/upright
    AVAE_DATA=data python -m benchmarks.experiments.downstream --workdir runs/upright --json FILE

A convolutional classifier is trained on upright digits alone. Held-out digits come upright,
each turned by a random angle, turned and turned back by that angle (the oracle: what is then
lost is interpolation), and turned and canonicalised by the VAE, which knows no angles and no
labels. A second classifier is trained on the same upright digits after canonicalising.
"""

import argparse
import functools
import json
import time
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax

from avae_jax import Posed, SearchOptions, data
from avae_jax.core.types import Array, Params
from avae_jax.inference.batch import apply_poses
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained
from avae_jax.training.workdir import WorkDir
from benchmarks import command_line

SEED, BATCH, PASSES = 0, 128, 3
# Candidates whose class probabilities are averaged, each by exp(-loss / T).
WIDE = SearchOptions(preset="thorough", keep=6, margin=20.0)
TEMPERATURES = (1.0, 3.0, 10.0)


class Classifier(nn.Module):
    """Logits `[n, 10]` of images `[n, H, W, C]`."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for width in (16, 32):
            x = nn.relu(nn.Conv(width, (3, 3), strides=(2, 2))(x))
        x = nn.relu(nn.Dense(128)(x.reshape(len(x), -1)))
        return nn.Dense(10)(x)


def train(x: np.ndarray, labels: np.ndarray) -> Params:
    """A classifier of images `[n, H, W, C]`; the same seed gives the same weights."""
    params = Classifier().init(jax.random.key(SEED), x[:1])
    steps = PASSES * len(x) // BATCH
    tx = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

    def loss_of(params: Params, x: Array, labels: Array) -> Array:
        logits = Classifier().apply(params, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def update(params: Params, state: Any, x: Array, labels: Array) -> tuple[Params, Any]:
        change, state = tx.update(jax.grad(loss_of)(params, x, labels), state, params)
        return optax.apply_updates(params, change), state

    state = tx.init(params)
    for step in range(steps):
        index = data.batch_indices(step, batch_size=BATCH, examples=len(x), seed=SEED)
        params, state = update(params, state, x[index], labels[index])
    return params


def probabilities(params: Params, x: np.ndarray) -> np.ndarray:
    """`[n, 10]`."""
    call = jax.jit(lambda x: jax.nn.softmax(Classifier().apply(params, x)))
    return np.concatenate([call(x[at : at + 500]) for at in range(0, len(x), 500)])


def averaged(params: Params, x: np.ndarray, posed: Posed) -> dict[str, np.ndarray]:
    """Class probabilities `[n, 10]` averaged over the candidates of a search, by temperature."""
    found = posed.find(x)
    each = [
        probabilities(params, posed.canonicalise(x, poses=found.candidates[:, place]))
        for place in range(found.candidates.shape[1])
    ]
    above = found.candidate_losses - found.candidate_losses[:, :1]
    shares = {t: np.exp(-above / t) for t in TEMPERATURES}
    return {
        f"averaged over {len(each)} candidates, exp(-loss / {t:g})": np.einsum(
            "kny,nk->ny", np.stack(each), share
        )
        for t, share in shares.items()
    }


def searching(posed: Posed, search: SearchOptions) -> Posed:
    """The same model with another search."""
    params, avae, _, _, met = posed.trained
    options = resolve(search, avae.group)
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=options))(params, met)
    return Posed(Trained(params, avae, options, bank, met), posed.batch)


def main() -> None:
    """Trains two classifiers, prints accuracies and what share of the loss was won back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True, help="of a model trained upright")
    parser.add_argument(
        "--examples", type=command_line.at_least(1), default=10_000, help="held-out digits"
    )
    parser.add_argument(
        "--json", type=command_line.destination, help="where to write the numbers as well"
    )
    flags = parser.parse_args()
    digits = data.load(WorkDir(flags.workdir).saved_options().data, seed=SEED)
    posed = Posed.load(flags.workdir, batch=250)
    x, labels = digits.test[: flags.examples], digits.test_labels[: flags.examples]
    turn = jax.jit(functools.partial(apply_poses, avae=posed.trained.avae))
    turned, applied = map(np.asarray, turn(jax.random.key(SEED), x, np.arange(len(x))))
    began = time.perf_counter()
    canonical = posed.canonicalise(turned)
    print(f"{(time.perf_counter() - began) / len(x) * 1e3:.2f} ms a digit, compilation included")
    thorough = searching(posed, SearchOptions(preset="thorough"))
    views = {
        "upright": x,
        "turned": turned,
        "turned back by the true angle": posed.canonicalise(turned, poses=np.linalg.inv(applied)),
        "canonicalised, fast": canonical,
        "canonicalised, thorough": thorough.canonicalise(turned),
        "upright, canonicalised": posed.canonicalise(x),
    }
    crisp = train(digits.train, digits.train_labels)
    answers = {name: probabilities(crisp, view) for name, view in views.items()}
    wide = searching(posed, WIDE)
    answers |= averaged(crisp, turned, wide)
    rows = {"trained on upright digits": accuracies(answers, labels)}
    show(rows)
    seen = posed.canonicalise(digits.train)
    soft = train(seen, digits.train_labels)
    answers = {name: probabilities(soft, view) for name, view in views.items()}
    answers |= averaged(soft, turned, wide)
    rows["trained on upright digits, canonicalised"] = accuracies(answers, labels)
    show(rows)
    if flags.json:
        with open(flags.json, "w") as file:
            json.dump({"examples": len(x), "accuracy": rows}, file, indent=1)


def accuracies(answers: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
    """The share of right answers by what was shown."""
    return {name: float((p.argmax(1) == labels).mean()) for name, p in answers.items()}


def show(rows: dict[str, dict[str, float]]) -> None:
    """Prints the last table: accuracy, and the share that is won back of what turning cost.

    The first classifier on upright and on turned digits says what that was, for both tables.
    """
    first = next(iter(rows.values()))
    title, table = list(rows.items())[-1]
    print(f"classifier {title}: accuracy, won back")
    for name, accuracy in table.items():
        won = (accuracy - first["turned"]) / (first["upright"] - first["turned"])
        print(f"  {name}: {accuracy:.2%}, {won:.1%}", flush=True)


if __name__ == "__main__":
    command_line.run(main)
