"""A volume as a shaded picture of its surface, from the front, a little above and aside.

The view is orthographic. Rays march through the smoothed volume on a rotated grid, and
the first crossing of the level is refined between samples. Three cues show the shape: a lamp
over the viewer's left shoulder, ambient occlusion by nearby matter, and depth (far matter is
darker).
"""

from typing import NamedTuple

import numpy as np

SIZE = 128  # side of a picture in pixels
OVERSAMPLE = 2  # rays per pixel along each axis of the picture
FINE = 48  # voxels along the longest side of the resampled volume
STEP = 1.3  # length of a step of the march in fine voxels
LEVEL = 0.22  # solid from here on: a rod one voxel thick reaches 0.46 once smoothed
SMOOTH = 0.5  # standard deviation of the smoothing in voxels
AZIMUTH, ELEVATION = np.radians(32.0), np.radians(24.0)
LAMP = np.array([-0.60, -0.62, -0.50])  # towards the lamp: down, right, away
CLAY = np.array([0.78, 0.85, 0.95])


class Solid(NamedTuple):
    """A volume prepared for rendering; lengths are in fine voxels."""

    fine: np.ndarray  # smoothed and resampled
    level: float
    scale: float  # fine voxels per voxel


def reach(volume: np.ndarray) -> float:
    """Half the width in voxels of the smallest view that shows all of `volume [*S, C]`."""
    mean = _mean(volume)
    return float(np.abs(_seen(mean, _level(mean))[:2]).max(initial=0.0)) + 1.5


def render(volume: np.ndarray, *, radius: float, size: int = SIZE, fine: int = FINE) -> np.ndarray:
    """`volume [*S, C]` as RGBA `uint8 [size, size, 4]`, transparent where rays meet nothing.

    Args:
        volume: values about [0, 1]; the mean over channels is shown, not finite counts as 0.
        radius: half the width of the view in voxels.
        size: side of the picture in pixels.
        fine: voxels along the longest side of the resampled volume; fewer take less time.
    """
    solid, rays = prepare(volume, fine=fine), size * OVERSAMPLE
    picture = np.zeros((rays, rays, 4))
    deep = _seen(solid.fine, solid.level)[2]
    if deep.size:
        half = radius * solid.scale
        across = (np.arange(rays) + 0.5) * 2 * half / rays - half
        along = np.arange(deep.min() - 2 * STEP, deep.max() + STEP, STEP)
        row, column, depth = _march(solid, across, along)
        at = np.stack([across[row], across[column], depth])
        picture[row, column, :3] = _shade(solid, at, half)
        picture[row, column, 3] = 1.0
    return _average(picture, size)


def prepare(volume: np.ndarray, *, fine: int = FINE) -> Solid:
    """`volume [*S, C]` padded, smoothed and resampled."""
    from scipy import ndimage

    padded = np.pad(_mean(volume), 2)
    scale = fine / max(padded.shape)
    smooth = ndimage.gaussian_filter(padded, max(SMOOTH, SMOOTH / scale))
    resampled = ndimage.zoom(smooth, scale, order=2, grid_mode=True, mode="grid-constant")
    return Solid(resampled, _level(resampled), scale)


def _mean(volume: np.ndarray) -> np.ndarray:
    """Mean over channels `[*S]`, finite and within [0, 1]."""
    finite = np.nan_to_num(np.asarray(volume, np.float32), posinf=1.0, neginf=0.0)
    return np.clip(finite.mean(axis=-1), 0.0, 1.0)


def _level(values: np.ndarray) -> float:
    """Level of the surface; faint volumes, decoded early in training, are shown as well."""
    return float(np.clip(0.5 * values.max(), 0.02, LEVEL))


def view_axes() -> np.ndarray:
    """Down, right and away of the picture as rows, in array axes `[3, 3]`.

    The last array axis points up and objects face the low end of the middle axis, as
    in ModelNet10; the viewer stands in front of them, a little to the side and above.
    """
    flat = np.array([np.sin(AZIMUTH), np.cos(AZIMUTH), 0.0])
    away = np.cos(ELEVATION) * flat - np.array([0.0, 0.0, np.sin(ELEVATION)])
    right = np.array([np.cos(AZIMUTH), -np.sin(AZIMUTH), 0.0])
    return np.stack([np.cross(away, right), right, away])


def _centre(values: np.ndarray) -> np.ndarray:
    return (np.array(values.shape) - 1) / 2


def _seen(values: np.ndarray, level: float) -> np.ndarray:
    """Voxels of `values [*S]` above `level` as (down, right, away) from the centre `[3, N]`."""
    return view_axes() @ (np.argwhere(values > level) - _centre(values)).T


def _sample(solid: Solid, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """`values` at points `at [3, N]`, given as (down, right, away) from the centre."""
    from scipy import ndimage

    points = _centre(values)[:, None] + view_axes().T @ at
    return ndimage.map_coordinates(values, points, order=1)


def _march(solid: Solid, across, along) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays that hit the solid: their rows, their columns and the depths of the hits."""
    from scipy import ndimage

    axes = view_axes()
    pixel = across[1] - across[0]
    samples = ndimage.affine_transform(
        solid.fine,
        axes.T * np.array([pixel, pixel, STEP]),
        offset=_centre(solid.fine) + np.array([across[0], across[0], along[0]]) @ axes,
        output_shape=(len(across), len(across), len(along)),
        order=1,
    )
    above = samples >= solid.level
    row, column = np.nonzero(above.any(axis=-1))
    first = np.maximum(above[row, column].argmax(axis=-1), 1)
    before, after = samples[row, column, first - 1], samples[row, column, first]
    back = np.clip((after - solid.level) / np.maximum(after - before, 1e-6), 0.0, 1.0)
    return row, column, along[first] - STEP * back


def _shade(solid: Solid, at: np.ndarray, half: float) -> np.ndarray:
    """Colours `[N, 3]` of the surface points `at [3, N]` (down, right, away)."""
    normal = _normal(solid, at)
    lamp = LAMP / np.linalg.norm(LAMP)
    direct = np.clip(lamp @ normal, 0.0, 1.0)
    sky = 0.5 - 0.5 * normal[0]  # faces that look up see more of it
    fade = 1.0 - 0.15 * np.clip(at[2] / half, -1.0, 1.0)
    light = (0.22 + 0.26 * sky + 0.72 * direct) * _openness(solid, at, normal) * fade
    return np.clip(light[:, None] * CLAY, 0.0, 1.0)


def _normal(solid: Solid, at: np.ndarray) -> np.ndarray:
    """Unit normals `[3, N]` out of the solid, from central differences one voxel wide."""
    slopes = [
        _sample(solid, solid.fine, at - offset[:, None])
        - _sample(solid, solid.fine, at + offset[:, None])
        for offset in np.eye(3) * 0.7 * solid.scale
    ]
    normal = np.stack(slopes)
    return normal / np.maximum(np.linalg.norm(normal, axis=0), 1e-6)


def _openness(solid: Solid, at: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Share of light that nearby matter does not block, from blurred matter above the surface."""
    from scipy import ndimage

    near = ndimage.uniform_filter(solid.fine, size=5)
    wide = ndimage.uniform_filter(near, size=7)
    taken = _sample(solid, near, at + 3.0 * normal) + _sample(solid, wide, at + 5.5 * normal)
    return np.clip(1.0 - 0.9 * taken, 0.3, 1.0)


def _average(picture: np.ndarray, size: int) -> np.ndarray:
    """Rays to pixels; colours are weighted by coverage so that edges do not darken."""
    rays = picture.reshape(size, OVERSAMPLE, size, OVERSAMPLE, 4).mean(axis=(1, 3))
    rays[..., :3] /= np.maximum(rays[..., 3:], 1e-3)
    return np.round(255 * np.clip(rays, 0.0, 1.0)).astype(np.uint8)
