"""Tests of `avae_jax.Aligner`: the conventions of scikit-learn."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import avae_jax
from tests.support.small_fit import SMALL, clubs

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
OWN = {name: value for name, value in SMALL.items() if name not in ("steps", "seed")}


def aligner(**given):
    return avae_jax.Aligner(steps=2, seed=5, options=OWN, **given)


def test_aligner_passes_the_checks_of_scikit_learn():
    """All that it runs for an estimator of images; those with tables of numbers cannot apply."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(aligner(), on_skip=None)
    assert results and {each["status"] for each in results} == {"passed"}


# Checks that scikit-learn leaves out for an estimator of images, and why they cannot apply. All
# others that it would run on an estimator of rows pass too.
ROWS = "feeds rows of numbers [n, features], and an Aligner takes images [n, H, W(, C)]"
WORDS = "wants words about rows, features or types; the sentence here is about images"
SPARSE = "wants words about sparse matrices, which hold no images"
FED_ROWS = """
check_fit_score_takes_y check_estimators_overwrite_params check_dont_overwrite_parameters
check_estimators_fit_returns_self check_readonly_memmap_input check_n_features_in_after_fitting
check_positive_only_tag_during_fit check_estimators_dtypes check_pipeline_consistency
check_estimators_nan_inf check_estimators_pickle check_f_contiguous_array_estimator
check_transformer_data_not_an_array check_transformer_general check_transformer_preserve_dtypes
check_methods_sample_order_invariance check_methods_subset_invariance check_dict_unchanged
check_fit_idempotent check_fit_check_is_fitted check_n_features_in check_fit2d_predict1d
"""
INAPPLICABLE = {
    **dict.fromkeys(FED_ROWS.split(), ROWS),
    "check_complex_data": WORDS,
    "check_dtype_object": WORDS,
    "check_estimators_empty_data_messages": WORDS,
    "check_fit2d_1sample": WORDS,
    "check_fit2d_1feature": WORDS,
    "check_estimator_sparse_tag": SPARSE,
    "check_estimator_sparse_array": SPARSE,
    "check_estimator_sparse_matrix": SPARSE,
}


class TakesRows(avae_jax.Aligner):
    """Says that it takes rows of numbers, so that scikit-learn runs the checks with such."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


@pytest.mark.filterwarnings("ignore")
def test_aligner_passes_all_checks_that_can_apply():
    results = check_estimator(TakesRows(), on_skip=None, on_fail=None)
    failed = {each["check_name"] for each in results if each["status"] == "failed"}
    assert failed <= set(INAPPLICABLE)
    assert sum(each["status"] == "passed" for each in results) >= 14


@pytest.mark.full
def test_aligner_clone_parameters_and_pipeline():
    made = aligner(family="rotation")
    other = clone(made).set_params(steps=3)
    assert (made.steps, other.steps, other.family) == (2, 3, "rotation")
    assert made.get_params()["options"] == OWN
    with pytest.raises(NotFittedError):
        made.transform(clubs())
    codes = make_pipeline(aligner(output="codes"), PCA(1)).fit_transform(clubs())
    assert codes.shape == (24, 1) and np.isfinite(codes).all()
    with pytest.raises(avae_jax.InputError, match="output='image': one of images, codes"):
        aligner(output="image").fit(clubs())
