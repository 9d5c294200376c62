"""A consumer hears every signal, whenever it arrives."""

from __future__ import annotations

from unittest.mock import Mock

from consumers.signals import Signals


def test_a_signal_that_interrupts_no_wait_is_heard_soon_after() -> None:
    signals = Signals()
    signals.asked = Mock(wait=Mock(side_effect=[False, False, True]))

    signals.wait()

    waits = [call.args[0] for call in signals.asked.wait.call_args_list]
    assert len(waits) == 3
    assert max(waits) <= 1
