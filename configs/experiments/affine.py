"""General affine maps of digits: any rotation, both scales, shear; search against a VAE.

The article states no ranges; these are scales of 1 / 1.4 to 1.4 and shears to 0.4.
"""

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, TEN_EPOCHS, merged, mnist

FAMILY = {"family": "rotation+scale_y+scale_x+shear_yx"}


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {
                "affine_search": mnist(FAMILY),
                "affine_vae": mnist(FAMILY, AUGMENTED),
            },
            "examples": 500,
            # Digits at 0.6 of their size leave room for the largest scale.
            "small": merged(
                {"data": {"size": 24, "scale": 0.6}},
                {"train": {"steps": 500}, "eval": {"curve_examples": 32, "marginal_examples": 0}},
            ),
            "full": TEN_EPOCHS,
        }
    )
