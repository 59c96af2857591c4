"""Uses every public name as a program does: read by a type checker, never run.

`assert_type` and the comments `type: ignore` fail where the checker sees `Any` in place of a type.
"""

from pathlib import Path
from typing import assert_type

import jax
import numpy as np
import optax

import avae_jax as av


def options() -> av.Options:
    """Options by name; a misspelt field is an error."""
    av.SearchOptions(presets="fast")  # type: ignore[call-arg]
    return av.Options(
        data=av.DataOptions(source="digits", size=24),
        ranges=av.RangeOptions(rotation=90.0),
        model=av.ModelOptions(name="conv"),
        search=av.SearchOptions(preset="thorough"),
        train=av.TrainOptions(steps=10),
        eval=av.EvalOptions(examples=10),
        log=av.LogOptions(every=5),
    )


def transforms(key: jax.Array, image: jax.Array, fill: jax.Array) -> jax.Array:
    """An image moved by a pose."""
    family: av.Family = av.parse_family("rigid", 2)
    frame: av.Frame = av.make_frame((24, 24))
    pose = av.random_pose(key, family, av.RangeOptions())
    pose = av.retract(family, pose, fill)
    factors: av.Factors = av.factorise(av.inverse(pose))
    return av.warp(image, av.compose(factors), fill, source=frame, target=frame)


def model(key: jax.Array, fill: np.ndarray) -> av.AVAE:
    """An affine VAE around a network of the package."""
    network, _ = av.build_model(key, (24, 24), 1, options=av.ModelOptions())
    assert_type(network, av.Model)
    family, frame = av.parse_family("rotation", 2), av.make_frame((24, 24))
    av.affine_vae(network, frame, fill)  # type: ignore[call-arg]
    return av.affine_vae(network, frame, fill, group=family)


def objective(params: dict, key: jax.Array, x: jax.Array, pose: jax.Array, avae: av.AVAE) -> None:
    """The terms of the objective, and what the encoder sees."""
    terms = av.elbo(params, key, x, pose, avae=avae)
    assert_type(terms, av.Terms)
    assert_type(terms.nll, jax.Array)
    assert_type(av.canonicalise(x, pose, avae=avae), jax.Array)


def searches(params: dict, key: jax.Array, x: jax.Array, avae: av.AVAE) -> av.SearchResult:
    """Poses by the search of the package, and by a problem of one's own."""
    search = av.resolve_search(av.SearchOptions(kind="even"), avae.group)
    keys = av.example_keys(key, np.arange(len(x)))
    starts = av.start_poses(key, avae.group, avae.ranges, kind="even", count=8)
    problem = av.Problem(lambda x, pose: pose, lambda x, out: out.sum(), lambda p, a: p, 1)
    av.search(problem, x, starts[None], options=search)
    bank = av.build_bank(params, x, avae=avae, options=search)
    found = av.find_poses(params, keys, x, avae=avae, options=search, bank=bank)
    print(found.poses)  # type: ignore[attr-defined]
    return found


def bounds(params: dict, key: jax.Array, x: jax.Array, avae: av.AVAE, found: av.SearchResult):
    """The posterior of the pose, and bounds on the likelihood."""
    keys = av.example_keys(key, np.arange(len(x)))
    posterior: av.Mixture = av.pose_posterior(params, keys, x, found, avae=avae)
    how: av.Calibration = av.fit_calibration(posterior, np.asarray(found.pose), avae=avae)
    posterior = av.calibrated(posterior, how)
    sure: av.Uncertainty = jax.vmap(lambda one, pose: av.uncertainty(one, pose, group=avae.group))(
        posterior, found.pose
    )
    print(sure.degrees, sure.elsewhere)
    evidence = av.marginal_bound(params, keys, x, posterior, avae=avae, samples=8)
    assert_type(evidence, av.Evidence)
    joint: av.JointPosterior = av.joint_posterior(params, x, found, avae=avae)
    assert_type(av.joint_marginal_bound(params, keys, x, joint, avae=avae, samples=8), av.Evidence)
    draws: av.Draws = av.discrete_pose_draws(key, found.candidates, found.loss, samples=8)
    return av.marginal_bound_from_draws(params, keys, x, draws, avae=avae)


def training(key: jax.Array, x: jax.Array, avae: av.AVAE) -> av.TrainState:
    """A step of training."""
    tx = av.optimiser(av.TrainOptions())
    assert_type(tx, optax.GradientTransformation)
    state: av.TrainState = av.init_state(key, {}, tx, met=x)
    state, metrics = av.train_step(state, x, x, avae=avae, tx=tx, search=None, pose_data=True)
    assert_type(metrics, dict[str, jax.Array])
    return state


def serving(images: np.ndarray) -> np.ndarray:
    """A trained model, and one of others, used with NumPy arrays."""
    trained: av.Trained = av.load("runs/digits")
    av.pack("runs/digits", Path("digits.npz"))
    encode, decode = av.from_numpy_functions(
        lambda x: (x, x), lambda z: z, shape=(8, 8, 1), latent=4
    )
    posed = av.Posed.wrap(encode, decode, {}, images)
    av.Posed(trained).posee(images)  # type: ignore[attr-defined]
    av.export(posed, "search.bin", platforms=("cpu",))
    try:
        print(av.evaluate(posed, images).loss.posed_search)
    except av.InputError as error:
        print(error)
    return posed.pose(images)


def arrays(images: np.ndarray) -> np.ndarray:
    """From an array in memory to aligned arrays."""
    posed = av.fit(images, family="rotation", steps=10, latent=4, callback=lambda n, m: n > 3)
    assert_type(posed, av.Posed)
    posed.save("model.npz")
    assert_type(av.pretrained("digits"), av.Posed)
    aligned, table = av.align(images, by=posed)
    assert_type(table, dict[str, np.ndarray])
    return av.Aligner(family="rigid").fit(aligned).transform(images)


def earlier(key: jax.Array) -> None:
    """Earlier names are the same functions."""
    av.build(key, (8, 8), 1)
    av.wrap(lambda p, x: (x, x), lambda p, z: z, sigma=0.5)
    av.family("rotation", 2), av.frame((8, 8))
    print(av.resolve, av.starts, av.among, av.from_draws, av.on_host)
