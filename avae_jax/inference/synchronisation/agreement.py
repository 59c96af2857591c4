"""One rotation for each example, from relative rotations of pairs: synchronisation.

Groups of examples merge, the pair with the strongest agreement first. All pairs between two
groups vote for the rotation between them, so one wrong pair is outvoted. This is agglomerative
clustering with average linkage, of rotations. The leading eigenvector over all pairs (Singer,
Angular synchronization by eigenvectors and semidefinite programming, 2011) was measured beside
it: on examples of several kinds it weighs kinds that resemble each other little against one
another, and leaves the rotations between them to chance (docs/decisions).
"""

import math

import numpy as np

from avae_jax.inference.synchronisation.pairs import Pairs

REVISIONS = 10


def agreed_rotations(pairs: Pairs, *, mirrored: bool = False) -> np.ndarray:
    """Orthogonal `[N, d, d]` from the common pose to each example.

    Args:
      mirrored: allow mirror images.

    Returns:
      Rotations Q with `Q[i] @ Q[j].T` near the rotation that carries j to i; examples that no
      pair connects keep the identity.
    """
    blocks = _symmetric(pairs)
    return _revised(_merged(blocks.copy(), mirrored), blocks, mirrored)


def confirmation(told: Pairs, used: Pairs, found: np.ndarray) -> float:
    """How far pairs that had no say confirm the rotations `found: [N, d, d]`, at most 1.

    Rotations follow the pairs they were made of, even where these are noise: only other pairs can
    tell. 1 if all of them say what was found, near 0 if they say anything, or nothing.

    Args:
      told: pairs to compare with; those also in `used`, from either side, are left out.
      used: pairs of which the rotations were made.
    """
    known = np.zeros((len(found),) * 2, bool)
    np.put_along_axis(known, used.neighbours, True, 1)
    unheard = ~np.take_along_axis(known | known.T, told.neighbours, 1)
    # An example at Q, its neighbour at P, a relative rotation R: the trace of Q^T R P.
    turned = np.einsum("nji,nkjl->nkil", found, told.rotations)
    agrees = np.einsum("nkil,nkli->nk", turned, found[told.neighbours])
    most = np.linalg.norm(told.rotations, axis=(2, 3)) * math.sqrt(found.shape[-1])
    return float((agrees * unheard).sum() / max((most * unheard).sum(), 1e-12))


def _merged(blocks: np.ndarray, mirrored: bool) -> np.ndarray:
    """Rotations by merging groups; `blocks: [N, N, d, d]` is used up."""
    count, _, d, _ = blocks.shape
    found = np.broadcast_to(np.eye(d, dtype=blocks.dtype), (count, d, d)).copy()
    members = [[k] for k in range(count)]
    size = np.ones(count)
    strength = np.linalg.norm(blocks, axis=(2, 3)) / math.sqrt(d)
    best, partner = strength.max(1), strength.argmax(1)
    for _ in range(count - 1):
        kept = int(best.argmax())
        if best[kept] <= 0:
            break
        gone = int(partner[kept])
        if size[kept] < size[gone]:
            kept, gone = gone, kept
        turn = _nearest(blocks[kept, gone], mirrored).T
        found[members[gone]] = found[members[gone]] @ turn
        _join(blocks, kept, gone, turn)
        members[kept] += members[gone]
        size[kept] += size[gone]
        row = np.linalg.norm(blocks[kept], axis=(1, 2)) / np.sqrt(d * size[kept] * size)
        strength[kept], strength[:, kept] = row, row
        strength[gone] = strength[:, gone] = 0.0
        _update_best(strength, best, partner, kept, gone)
    return found


def _revised(found: np.ndarray, blocks: np.ndarray, mirrored: bool) -> np.ndarray:
    """`found: [N, d, d]` after each example took the mean of what its pairs say, a few times.

    A group never parts again, so an example that joined by one wrong pair is put right here.
    """
    count, d, _ = found.shape
    flat = blocks.transpose(0, 2, 1, 3).reshape(count * d, count * d)
    for _ in range(REVISIONS):
        said = (flat @ found.reshape(count * d, d)).reshape(count, d, d)
        heard = np.linalg.norm(said, axis=(1, 2)) > 0
        found[heard] = _nearest(said[heard], mirrored)
    return found


def _symmetric(pairs: Pairs) -> np.ndarray:
    """The mean of what both examples of a pair say, `[N, N, d, d]`."""
    count, d = len(pairs.neighbours), pairs.rotations.shape[-1]
    blocks = np.zeros((count, count, d, d), np.float32)
    np.put_along_axis(blocks, pairs.neighbours[..., None, None], pairs.rotations, 1)
    return (blocks + blocks.transpose(1, 0, 3, 2)) / 2


def _nearest(matrix: np.ndarray, mirrored: bool) -> np.ndarray:
    """The orthogonal matrices nearest to `[..., d, d]`; rotations unless `mirrored`."""
    u, _, vt = np.linalg.svd(matrix)
    if not mirrored:
        u[..., -1] *= np.sign(np.linalg.det(u @ vt))[..., None]
    return u @ vt


def _join(blocks: np.ndarray, kept: int, gone: int, turn: np.ndarray) -> None:
    """Adds the pairs of group `gone`, turned, to those of group `kept`."""
    blocks[kept] += turn.T @ blocks[gone]
    blocks[:, kept] += blocks[:, gone] @ turn
    blocks[kept, kept] = 0.0
    blocks[gone] = 0.0
    blocks[:, gone] = 0.0


def _update_best(
    strength: np.ndarray, best: np.ndarray, partner: np.ndarray, kept: int, gone: int
) -> None:
    """Brings the strongest partner of each group up to date after a merger."""
    stale = np.flatnonzero((partner == kept) | (partner == gone))
    stale = np.union1d(stale, (kept, gone))
    best[stale], partner[stale] = strength[stale].max(1), strength[stale].argmax(1)
    risen = strength[:, kept] > best
    best[risen], partner[risen] = strength[risen, kept], kept
