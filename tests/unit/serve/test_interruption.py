"""Orders to stop while a server starts: raised where they come, and kept where Python drops what is raised."""

import signal

import pytest

from fhir_server.serve.interruption import SIGNALS, interruptible


class Dying:
    """Something whose finalizer runs as the order comes; Python drops what a finalizer raises."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_an_order_to_stop_ends_a_start_and_goes_no_further(number):
    came_here = False
    with interruptible() as interruption:
        signal.raise_signal(number)
        came_here = True

    assert interruption.told
    assert not came_here


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_order_that_python_drops_is_obeyed_at_the_next_step():
    steps = []
    with interruptible() as interruption:
        dying = Dying()
        del dying
        steps.append("dropped")
        interruption.obeyed()
        steps.append("ignored")

    assert steps == ["dropped"]


def test_an_interrupt_that_was_no_signal_goes_on():
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise KeyboardInterrupt


def test_after_a_start_the_signals_are_heard_as_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        pass

    assert [signal.getsignal(number) for number in SIGNALS] == before
