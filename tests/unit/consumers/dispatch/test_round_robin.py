"""Round-robin by weight: exact shares, evenly spread, and no queue starves."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.dispatch.round_robin import RoundRobin
from streams.job import Queue

WEIGHTS = {Queue.CRITICAL: 10, Queue.HIGH: 6, Queue.DEFAULT: 3, Queue.LOW: 1, Queue.MAILERS: 1}
SHARES = st.dictionaries(st.sampled_from(Queue), st.integers(1, 12), min_size=1)


def picks(round_robin: RoundRobin, ready: list[Queue], count: int) -> list[Queue]:
    return [pick(round_robin, ready) for _ in range(count)]


def pick(round_robin: RoundRobin, ready: list[Queue]) -> Queue:
    return round_robin.pick(sum(round_robin.bits[queue] for queue in ready))


def test_any_21_turns_give_each_queue_its_share() -> None:
    round_robin = RoundRobin(WEIGHTS)

    order = picks(round_robin, list(WEIGHTS), 84)

    for start in range(63):
        assert Counter(order[start : start + 21]) == WEIGHTS


@given(weights=SHARES, cycles=st.integers(1, 4))
def test_shares_are_exact_over_every_cycle(weights: dict[Queue, int], cycles: int) -> None:
    round_robin = RoundRobin(weights)

    for _ in range(cycles):
        assert Counter(picks(round_robin, list(weights), sum(weights.values()))) == weights


def test_the_heaviest_queue_does_not_go_in_one_burst() -> None:
    order = picks(RoundRobin(WEIGHTS), list(WEIGHTS), 21)

    assert not any(set(order[at : at + 3]) == {Queue.CRITICAL} for at in range(19))


@given(weights=SHARES, data=st.data())
@settings(max_examples=40)
def test_a_queue_that_is_always_ready_never_starves(weights: dict[Queue, int], data: st.DataObject) -> None:
    round_robin = RoundRobin(weights)
    always_ready = data.draw(st.sampled_from(list(weights)))
    others = st.lists(st.sampled_from(list(weights)), unique=True)
    waited = 0

    for _ in range(60):
        ready = list(dict.fromkeys([always_ready, *data.draw(others)]))
        waited = 0 if pick(round_robin, ready) is always_ready else waited + 1
        assert waited < sum(weights.values())


def test_the_share_of_an_idle_queue_goes_to_the_others_by_their_weights() -> None:
    ready = [Queue.HIGH, Queue.DEFAULT]

    assert Counter(picks(RoundRobin(WEIGHTS), ready, 63)) == {Queue.HIGH: 42, Queue.DEFAULT: 21}


def test_a_queue_that_is_ready_alone_is_picked() -> None:
    round_robin = RoundRobin(WEIGHTS)

    assert picks(round_robin, [Queue.LOW], 5) == [Queue.LOW] * 5
    assert Counter(picks(round_robin, list(WEIGHTS), 21)) == WEIGHTS
