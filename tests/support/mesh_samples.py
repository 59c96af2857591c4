"""A closed body without symmetry, as a file of every mesh format."""

import numpy as np
import trimesh

from avae_jax.data.formats import open_stack

KINDS = ["x.off", "x.obj", "x.stl", "ascii.stl"]


def thing():
    """A closed body without symmetry."""
    parts = [
        trimesh.creation.box((4, 2, 1)),
        trimesh.creation.box((1, 1, 3)).apply_translation((1.5, 0.5, 1.8)),
    ]
    return trimesh.util.concatenate(parts).apply_translation((100, -20, 3))


def saved(path, mesh):
    """The file of a mesh; its ending says the format."""
    packed = "stl_ascii" if path.name == "ascii.stl" else path.suffix[1:]
    made = mesh.export(file_type=packed)
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(made if isinstance(made, bytes) else made.encode())
    return path


def turned(mesh, rotation, shift=(0, 0, 0)):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, shift
    return mesh.copy().apply_transform(matrix)


def volumes(path, suffix=""):
    with open_stack(str(path) + suffix) as stack:
        return stack.raw(0, stack.shape[0])
