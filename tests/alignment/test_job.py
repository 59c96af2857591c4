"""Tests of `avae_jax.alignment.job`."""

import json

import numpy as np
import pytest

from avae_jax.alignment import job
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config.options import DataOptions
from avae_jax.data.formats import open_stack
from avae_jax.inference.calibration import Calibration
from tests.support.alignment_cases import knowing, options

pytestmark = pytest.mark.standard


def work_on(path, *, reconstructions=False):
    trained, _ = knowing((9, 9))
    with open_stack(str(path)) as stack:
        return job.Work(
            stack, None, survey(stack, DataOptions()), trained, options(), reconstructions
        )


@pytest.fixture
def stack(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((7, 12, 10), np.uint16))
    return tmp_path / "x.npy"


def test_job_of_names_all_that_makes_it_the_same(stack):
    work = work_on(stack)
    found = job.job_of(work)
    assert json.loads(json.dumps(found)) == found
    assert found["input"] == "x.npy" and found["batch"] == work.batch == 4
    assert job.job_of(work_on(stack)) == found
    assert job.job_of(work_on(stack, reconstructions=True)) != found
    assert "every" not in found["search"]  # version 0.1 wrote no such entry
    np.save(stack, np.ones((7, 12, 10), np.uint16))
    assert job.job_of(work_on(stack))["contents"] != found["contents"]


def test_alignment_goes_on_where_the_bank_has_other_bits(stack):
    """As on another processor; version 0.1 took note of weights and bank together."""
    found = job.job_of(work_on(stack))
    assert job.differences({**found, "model": "other bits"}, found) == []
    assert job.differences({**found, "weights": "others"}, found) == ["weights"]
    earlier = {name: value for name, value in found.items() if name != "weights"}
    assert job.differences(earlier, found) == []
    assert job.differences({**earlier, "model": "others"}, found) == ["model"]
    assert job.is_first_version(earlier)
    assert not job.is_first_version(found) and not job.is_first_version({})


def test_columns_of_results_fit_the_stack(stack, tmp_path):
    columns = job.columns_of(work_on(stack, reconstructions=True), tmp_path)
    assert set(columns) == {"aligned", "poses", "losses", "doubtful", "latents", "drawn"}
    assert "drawn" not in job.columns_of(work_on(stack), tmp_path)
    sure = work_on(stack)._replace(uncertain=True)
    assert job.columns_of(sure, tmp_path)["uncertainty"].shape == (7, 3)
    assert job.differences(job.job_of(work_on(stack)), job.job_of(sure)) == ["uncertainty"]
    known = sure._replace(calibration=Calibration())
    assert job.differences(job.job_of(sure), job.job_of(known)) == ["uncertainty"]
