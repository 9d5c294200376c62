"""The options of a consumer: which queues it serves, and with which weights."""

import pytest

from streams.errors import ConfigError
from streams.job import Queue
from tests.support.planned import PLANNED
from treadle.processes.consumer import choose_queues


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("critical=5,high", {Queue.CRITICAL: 5, Queue.HIGH: 6}),
        (" low ", {Queue.LOW: 1}),
        (None, PLANNED.weights),
    ],
)
def test_queues_are_chosen_with_their_weights(text: str | None, weights: dict[Queue, int]) -> None:
    assert choose_queues(text, PLANNED) == weights


@pytest.mark.parametrize("text", ["slow", "high=0", "high=", "high=-1", "high=x", "", "high=²", "high;low"])
def test_a_wrong_choice_of_queues_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"write it as critical=10,high=6; the queues are critical, high, default"
    ):
        choose_queues(text, PLANNED)
