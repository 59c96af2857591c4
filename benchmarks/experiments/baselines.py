"""The search beside augmentation, a four times larger VAE, and a spatial spatial_transformer."""

import functools
from typing import Any

import jax

from avae_jax import Posed
from avae_jax.evaluation.pose_metrics import resultant_length
from avae_jax.inference.find_poses import build_bank
from avae_jax.training.experiment import prepare
from avae_jax.training.step import objects
from benchmarks.experiments import spatial_transformer
from benchmarks.experiments.posed_losses import at_random, each, nats, unmoved, with_interval
from benchmarks.experiments.runs import Setting, Trained, trained


def measure(setting: Setting) -> dict[str, Any]:
    """Loss in nats of test digits at random poses, and the number of weights."""
    rows = {}
    for name in ("mnist_search_random", "mnist_augmented", "mnist_augmented_wide"):
        model = trained(setting, name)
        x, _ = at_random(model.posed, model.x)
        search = name == "mnist_search_random"
        poses = model.posed.pose(x) if search else unmoved(model.posed, x)
        rows[name.removeprefix("mnist_")] = {
            "nats": with_interval(nats(model.posed, x, poses)),
            "weights": weights(model.posed.trained.params),
        }
    rows |= _transformer(trained(setting, "mnist_augmented"))
    for name, row in rows.items():
        print(f"{name}: {row['nats']['mean']:.2f} nats", flush=True)
    return {"rows": rows}


def _transformer(plain: Trained) -> dict[str, Any]:
    """A spatial transformer of the same VAE: at its guess, and searched after all."""
    experiment = prepare(plain.options)
    both = spatial_transformer.train(experiment)
    x, applied = at_random(plain.posed, plain.x)
    guess = spatial_transformer.guessed(both, x)
    posed = _with_weights(plain.posed, both.vae, x, guess)
    lengths = {"resultant_length": resultant_length(guess @ applied, plain.labels)}
    row = {"weights": weights(both)}
    at_guess = {"nats": with_interval(nats(posed, x, guess)), **lengths}
    searched = {"nats": with_interval(nats(posed, x, posed.pose(x)))}
    return {
        "spatial_transformer": row | at_guess,
        "spatial_transformer_searched": row | searched,
    }


def _with_weights(posed: Posed, params: Any, x: Any, poses: Any) -> Posed:
    """The same VAE with other weights, its bank made of `x` at `poses`."""
    avae, search = posed.trained.avae, posed.trained.search
    posed = Posed(posed.trained._replace(params=params), posed.batch)

    def codes(params: Any, index: Any, x: Any, poses: Any) -> Any:
        keys = jax.vmap(jax.random.key)(index)
        return objects(params, keys, x, poses, avae=avae)

    met = each(codes, posed, x, poses)[: len(posed.trained.met)]
    build = jax.jit(functools.partial(build_bank, avae=avae, options=search))
    return Posed(posed.trained._replace(met=met, bank=build(params, met)), posed.batch)


def weights(params: Any) -> int:
    """How many numbers a model has."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
