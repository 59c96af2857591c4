"""Where the packages lie; pyproject.toml has the name, the dependencies and all else."""

from setuptools import find_packages, setup

setup(
    # The configs live at the root of the repository and travel inside the package.
    packages=[*find_packages(include=["avae_jax", "avae_jax.*"]), "avae_jax.configs"],
    package_dir={"avae_jax.configs": "configs"},
    package_data={
        "avae_jax": ["py.typed", "*.pyi"],
        "avae_jax.report": [
            "scripts/*.js",
            "styles/*.css",
            "templates/*.html",
            "templates/*/*.html",
        ],
        "avae_jax.serving": ["weights/*.npz"],
    },
    zip_safe=False,
)
