"""The tests mirror the package: where they lie, and what they may import."""

import ast

import pytest

from tests.support import ROOT
from tests.support.syntax import statements

PACKAGE, TESTS = ROOT / "avae_jax", ROOT / "tests"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
FILES = sorted(TESTS.rglob("*.py"))
# Modules without a test file of their name, and why.
TYPES, WHOLE_RUN = "types alone", "run on digits by integration/test_end_to_end.py"
VALUES, LINKS, PICTURES, AXES, STAR = (
    f"tried with files by data/{name}.py"
    for name in (
        "test_precision",
        "formats/test_links",
        "formats/test_pictures",
        "formats/test_axes",
        "formats/test_star",
    )
)
VOLUMES = "tried as a whole by inference/averaging/volumes/test_align.py"
AVERAGING = "tried as a whole by inference/averaging/test_align.py"
UNTESTED = {
    "__main__.py": "run as a process by test_main.py",
    "alignment/class_losses.py": "tried with what finds poses by alignment/test_class_averages.py",
    "alignment/levels.py": VALUES,
    "data/formats/arranged.py": AXES,
    "data/formats/bfloat.py": AXES,
    "data/formats/hdf5_filters.py": LINKS,
    "data/formats/hdf5_numbered.py": LINKS,
    "data/formats/relion_particles.py": STAR,
    "data/formats/tiff_sizes.py": VALUES,
    "data/formats/volume_folder.py": VALUES,
    "data/formats/pictures/opening.py": PICTURES,
    "data/formats/pictures/picture.py": PICTURES,
    "data/formats/pictures/pillow.py": PICTURES,
    "data/formats/pictures/tags.py": PICTURES,
    "config/data_options.py": "tried with the other options by config/test_options.py",
    "core/types.py": TYPES,
    "data/missing.py": "tried with files by models/test_observed.py",
    "data/nodata.py": "tried with files by models/test_observed.py",
    "data/sources/base.py": TYPES,
    "evaluation/task.py": TYPES,
    "inference/search/problem.py": TYPES,
    **{
        f"inference/averaging/{name}.py": AVERAGING
        for name in (
            "classes",
            "condition",
            "data",
            "disc",
            "em",
            "local",
            "model",
            "near",
            "rounds",
            "sampling",
            "turn",
        )
    },
    **{
        f"inference/averaging/volumes/{name}.py": VOLUMES
        for name in (
            "classes",
            "coarse",
            "level",
            "local",
            "model",
            "near",
            "ready",
        )
    },
    "inference/trained.py": TYPES,
    "report/findings.py": TYPES,
    "training/writers/base.py": TYPES,
    "data/sources/tfds_builder.py": "finds what data/sources/test_tfds.py prepares",
    "evaluation/held_out.py": WHOLE_RUN,
    "evaluation/likelihood_bound.py": WHOLE_RUN,
    "evaluation/pose_curve.py": WHOLE_RUN,
    "evaluation/results.py": WHOLE_RUN,
    "training/finish.py": WHOLE_RUN,
    "training/updates.py": "tried by training/test_loop.py and serving/test_fit.py",
    "models/affine_model.py": "tried with the objective by models/test_objective.py",
}


def test_modules_have_a_test_file_of_their_name():
    """Or stand in the list, with a reason."""
    named = [path for path in MODULES if path.name != "__init__.py"]
    missing = {
        str(path) for path in named if not (TESTS / path.parent / f"test_{path.name}").exists()
    }
    assert missing == set(UNTESTED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_imports_of_support_alone(path):
    """No test imports another; what several need lies in `tests.support`."""
    nodes = list(statements(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    own = [name for name in names if name.split(".")[0] == "tests"]
    assert all(
        name.startswith(("tests.support", "tests.robustness", "tests.mutation")) for name in own
    )
    assert not [name for name in names if name.startswith(("test_", "conftest"))]
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


def test_folders_are_those_of_the_package():
    """And some for what is no module: whole runs, the repository, helpers, programs."""
    others = {"fixtures", "integration", "mutation", "properties", "repository", "robustness"}
    others |= {"support"}
    folders = {path.relative_to(TESTS) for path in TESTS.rglob("*") if path.is_dir()}
    folders = {str(path) for path in folders if "__pycache__" not in path.parts}
    own = {str(path.parent) for path in MODULES} - {"."}
    assert folders - others <= own
