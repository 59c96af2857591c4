"""Tests of `avae_jax.core.signals`."""

import signal

import pytest

from avae_jax.core import signals
from tests.support.processes import interruptible


def test_awaited_second_ctrl_c_ends_at_once():
    with interruptible(), pytest.raises(KeyboardInterrupt), signals.awaited() as stops:
        assert not stops(0)
        signal.raise_signal(signal.SIGINT)
        assert stops(1)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")


def test_awaited_ctrl_c_not_heeded_interrupts():
    """Ctrl c that nothing heeded interrupts in the end."""
    with interruptible(), pytest.raises(KeyboardInterrupt):
        with signals.awaited():
            signal.raise_signal(signal.SIGINT)
