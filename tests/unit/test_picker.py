"""The picker: exact shares, spread evenly, and nobody starves."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.picker import Picker
from streams.job import Queue

WEIGHTS = {Queue.CRITICAL: 10, Queue.HIGH: 6, Queue.DEFAULT: 3, Queue.LOW: 1, Queue.MAILERS: 1}
SHARES = st.dictionaries(st.sampled_from(Queue), st.integers(1, 12), min_size=1)


def picks(picker: Picker, ready: list[Queue], count: int) -> list[Queue]:
    return [pick(picker, ready) for _ in range(count)]


def pick(picker: Picker, ready: list[Queue]) -> Queue:
    return picker.pick(sum(picker.bits[queue] for queue in ready))


def test_any_21_picks_give_each_queue_its_share() -> None:
    picker = Picker(WEIGHTS)

    order = picks(picker, list(WEIGHTS), 84)

    for start in range(63):
        assert Counter(order[start : start + 21]) == WEIGHTS


@given(weights=SHARES, cycles=st.integers(1, 4))
def test_shares_are_exact_over_every_cycle(weights: dict[Queue, int], cycles: int) -> None:
    picker = Picker(weights)

    for _ in range(cycles):
        assert Counter(picks(picker, list(weights), sum(weights.values()))) == weights


def test_the_heaviest_queue_does_not_go_in_one_burst() -> None:
    order = picks(Picker(WEIGHTS), list(WEIGHTS), 21)

    assert not any(set(order[at : at + 3]) == {Queue.CRITICAL} for at in range(19))


@given(weights=SHARES, data=st.data())
@settings(max_examples=40)
def test_a_queue_that_is_always_ready_never_starves(weights: dict[Queue, int], data: st.DataObject) -> None:
    picker = Picker(weights)
    patient = data.draw(st.sampled_from(list(weights)))
    others = st.lists(st.sampled_from(list(weights)), unique=True)
    waited = 0

    for _ in range(60):
        ready = list(dict.fromkeys([patient, *data.draw(others)]))
        waited = 0 if pick(picker, ready) is patient else waited + 1
        assert waited < sum(weights.values())


def test_the_share_of_an_idle_queue_goes_to_the_others_by_their_weights() -> None:
    ready = [Queue.HIGH, Queue.DEFAULT]

    assert Counter(picks(Picker(WEIGHTS), ready, 63)) == {Queue.HIGH: 42, Queue.DEFAULT: 21}


def test_a_queue_that_is_ready_alone_is_picked() -> None:
    picker = Picker(WEIGHTS)

    assert picks(picker, [Queue.LOW], 5) == [Queue.LOW] * 5
    assert Counter(picks(picker, list(WEIGHTS), 21)) == WEIGHTS
