"""Volumes: 24 right angles by brute force, free rotations, rotations with translations.

Chairs of ModelNet10 and the embedded solids as ten classes, both at 16^3, with and without
search in training; chairs at right angles at several latent sizes.
"""

from typing import Any

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, merged

LATENT = (4, 8, 16)
SETS = {"chairs": {"config": "modelnet10"}, "solids": {"config": "solids"}}
# Brute force: all 24 rotations are scored, none is refined.
RIGHT_ANGLES = {
    "ranges": {"right_angles": True},
    "search": {"kind": "right_angles", "starts": 24, "keep": 1, "steps": 0, "method": "adam"},
}
# Room for shifts of a tenth: solids fill the inscribed ball.
RIGID = {
    "family": "rigid",
    "ranges": {"shift": 0.1},
    "search": {"keep": 1, "steps": 3},
    "train": {"batch_size": 32},
}


def name_of(objects: str, poses: str, latent: int, *, search: bool) -> str:
    """The name of a model."""
    return f"{objects}_{poses}_{'search' if search else 'augmented'}_latent{latent}"


def cases() -> list[tuple[str, str, int]]:
    """(objects, poses, latent size) of every pair of models."""
    by_size = [("chairs", "right_angles", latent) for latent in LATENT]
    others = [("solids", "right_angles"), ("chairs", "rotation"), ("solids", "rigid")]
    return [*by_size, *((*case, 8) for case in others)]


def _model(objects: str, poses: str, latent: int, *, search: bool) -> dict[str, Any]:
    kind = {"right_angles": RIGHT_ANGLES, "rotation": {}, "rigid": RIGID}[poses]
    shrunk = {"data": {"scale": 0.75}} if (objects, poses) == ("solids", "rigid") else {}
    edits = merged(SETS[objects], kind, shrunk, {"model": {"latent": latent}})
    return edits if search else merged(edits, AUGMENTED)


def get_config() -> ConfigDict:
    """Models and sizes."""
    both = (True, False)
    models = {
        name_of(*case, search=search): _model(*case, search=search)
        for case in cases()
        for search in both
    }
    return ConfigDict(
        {
            "models": models,
            "examples": 200,
            "small": {"train": {"steps": 200}, "eval": {"examples": 200, "marginal_examples": 32}},
            "full": {"train": {"steps": 2000}},
        }
    )
