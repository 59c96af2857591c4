"""Table 1 of the article: search in training, upright, augmented, and a plain VAE.

Every model is trained twice: in nats, and by squared errors on standardised pixels. The latter is
a Gaussian of standard deviation 0.3081 / sqrt(2); MNIST pixels have the deviation 0.3081.
"""

from ml_collections import ConfigDict

from configs.experiments import AUGMENTED, TEN_EPOCHS, UPRIGHT, mnist

SQUARED = {"model": {"likelihood": "gaussian", "sigma": 0.2179}}


def get_config() -> ConfigDict:
    """Models and sizes."""
    return ConfigDict(
        {
            "models": {
                "mnist_search_random": mnist(),
                "mnist_upright": mnist(UPRIGHT),
                "mnist_augmented": mnist(AUGMENTED),
                "mnist_source_search_random": mnist(SQUARED),
                "mnist_source_upright": mnist(SQUARED, UPRIGHT),
                "mnist_source_augmented": mnist(SQUARED, AUGMENTED),
            },
            "examples": 500,
            "small": {"train": {"steps": 1000}},
            "full": TEN_EPOCHS,
        }
    )
