"""Installs avae_jax; `pip install .[test]` brings what the tests need."""

from setuptools import find_packages, setup

FORMATS = ["h5py", "imagecodecs", "mrcfile", "nibabel"]
MESH = ["trimesh"]
# The compiler for TPUs, which needs none; there is one for Linux on x86 alone.
PLAN = ["jax[tpu]; sys_platform == 'linux' and platform_machine == 'x86_64'"]

DOCS = ["furo", "myst-parser", "sphinx"]
# Runs notebooks where there is no Jupyter; Colab has all of it.
NOTEBOOKS = ["ipykernel", "nbclient", "nbformat"]

setup(
    name="avae_jax",
    version="0.1.0",
    description="Affine variational autoencoder in JAX: learns from objects in every pose",
    license="MIT",
    python_requires=">=3.11",
    # The configs live at the root of the repository and travel inside the package.
    packages=[*find_packages(include=["avae_jax", "avae_jax.*"]), "avae_jax.configs"],
    package_dir={"avae_jax.configs": "configs"},
    package_data={"avae_jax": ["py.typed"], "avae_jax.report": ["*.css", "*.js"]},
    zip_safe=False,
    install_requires=[
        "chex",
        # What JAX writes programs with for other processes to run.
        "flatbuffers",
        "flax>=0.12",
        "jax>=0.10",
        "matplotlib",
        "ml-collections",
        "numpy",
        "optax",
        "orbax-checkpoint>=0.12",
        "pillow",
        "scikit-learn",
        "scipy",
        "tensorboardX",
        "tensorflow-datasets",
        # Plain TIFF; the codecs of packed ones come with `formats`.
        "tifffile",
        "tqdm",
    ],
    extras_require={
        # setuptools: one test builds the package from its sources.
        "test": [
            # An example of the documentation is written with it.
            "dm-haiku",
            "import-linter",
            "pytest",
            "pytest-xdist",
            "ruff",
            "setuptools>=70.1",
            "starfile",
            *DOCS,
            *FORMATS,
            *MESH,
            *NOTEBOOKS,
            *PLAN,
        ],
        # Readers of stacks of images and volumes, of packed TIFF and of PNG colours of 16 bits;
        # those of npy, npz, IDX, PNG, JPEG, BMP and plain TIFF are there.
        "formats": FORMATS,
        # Makes volumes of meshes.
        "mesh": MESH,
        # Compiles for TPUs that are not there.
        "plan": PLAN,
        # The web site: python -m sphinx -W docs site
        "docs": DOCS,
        "notebooks": NOTEBOOKS,
        "tensorflow": ["tensorflow"],
        # What the original work was written in; benchmarks compare with it.
        "benchmark": ["torch"],
    },
)
