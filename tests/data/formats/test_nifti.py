"""Tests of `avae_jax.data.formats.nifti`."""

import nibabel
import numpy as np
import pytest

from tests.support.stack_samples import check, numbers, same_bytes


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_nifti_keeps_its_geometry(name, tmp_path):
    stored, path = np.moveaxis(numbers((9, 7, 6), "i2"), 0, -1), tmp_path / name
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(stored, affine), path)
    target = check(path, np.moveaxis(stored, -1, 0))
    made = nibabel.load(target)
    np.testing.assert_array_equal(made.affine, affine)
    np.testing.assert_array_equal(made.dataobj, stored[:, :, :, :][::-1])
    same_bytes(path)
