"""Loss against latent size, with and without the search."""

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, TEN_EPOCHS, UPRIGHT, mnist

LATENT = (4, 8, 16, 32)
KINDS = {"search_random": {}, "upright": UPRIGHT, "augmented": AUGMENTED}


def name_of(kind: str, latent: int) -> str:
    """The name of a model; at the default size it is the model of Table 1."""
    return f"mnist_{kind}" if latent == 8 else f"mnist_{kind}_latent{latent}"


def get_config() -> ConfigDict:
    """Models and sizes."""
    models = {
        name_of(kind, latent): mnist(edits, {"model": {"latent": latent}} if latent != 8 else {})
        for latent in LATENT
        for kind, edits in KINDS.items()
    }
    return ConfigDict(
        {
            "models": models,
            "examples": 500,
            "small": {"train": {"steps": 1000}},
            "full": TEN_EPOCHS,
        }
    )
