"""Tests of `avae_jax.training.experiment`."""

import pytest

from avae_jax.config import files
from avae_jax.core.errors import InputError
from avae_jax.training.experiment import prepare

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def prepared(*overrides):
    small = ["data.limit=20", "model.hidden=4", "model.latent=2", "train.batch_size=8"]
    config = files.apply_overrides(files.load_file("digits"), [*small, *overrides])
    return prepare(files.to_options(config))


def test_prepare_fits_model_and_state_to_the_data():
    experiment = prepared("train.search=false")
    assert experiment.training_search is None and experiment.search.starts
    assert experiment.avae.inner.shape == experiment.dataset.train.shape[1:-1]
    assert experiment.state.step == 0 and experiment.state.met.shape[1] == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [("train.batch_size=21", "train.batch_size"), ("data.source=npz:none.npz", "no such file")],
)
def test_prepare_refuses_before_compute(override, said):
    with pytest.raises(InputError, match=said):
        prepared(override)
