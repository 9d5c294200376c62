"""The offset tracker: a commit never passes a job that is not finished."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.offsets import OffsetTracker


def a_tracker(*offsets: int) -> OffsetTracker:
    tracker = OffsetTracker("jobs.low", 0)
    tracker.admit(offsets)
    return tracker


def test_a_commit_waits_for_the_first_unfinished_offset() -> None:
    tracker = a_tracker(5, 6, 7)

    tracker.finish(7)
    tracker.finish(6)
    before = tracker.committable()
    tracker.finish(5)

    assert before is None
    assert tracker.committable() == 8


def test_what_was_committed_is_not_committed_again() -> None:
    tracker = a_tracker(5)
    tracker.finish(5)

    tracker.committed(tracker.committable() or 0)

    assert tracker.committable() is None


def test_a_commit_that_failed_is_asked_for_again() -> None:
    tracker = a_tracker(5)
    tracker.finish(5)

    assert tracker.committable() == 6
    assert tracker.committable() == 6


def test_it_knows_what_runs_and_what_is_unfinished() -> None:
    tracker = a_tracker(5, 6, 7)

    tracker.start(5)
    tracker.start(6)
    tracker.finish(6)

    assert tracker.running == {5}
    assert tracker.unfinished == 2


@given(offsets=st.sets(st.integers(0, 10_000), min_size=1), order=st.randoms())
def test_when_all_are_finished_the_commit_is_at_the_end(offsets: set[int], order: object) -> None:
    rising = sorted(offsets)
    tracker = a_tracker(*rising)
    shuffled = list(rising)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis types it as object

    for offset in shuffled:
        tracker.start(offset)
        tracker.finish(offset)

    assert tracker.committable() == rising[-1] + 1
    assert (tracker.unfinished, tracker.running) == (0, set())


class AnyOrder(RuleBasedStateMachine):
    """Offsets come with gaps, jobs start and finish in any order, commits work and fail."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = a_tracker()
        self.next = 0
        self.waiting: list[int] = []
        self.running: list[int] = []
        self.asked: int | None = None

    @rule(gap=st.integers(0, 3), count=st.integers(1, 4))
    def come_in(self, gap: int, count: int) -> None:
        offsets = range(self.next + gap, self.next + gap + count)
        self.tracker.admit(offsets)
        self.waiting += offsets
        self.next = offsets.stop

    @precondition(lambda self: self.waiting)
    @rule()
    def start(self) -> None:
        offset = self.waiting.pop(0)
        self.tracker.start(offset)
        self.running.append(offset)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(self.running))
        self.running.remove(offset)
        self.tracker.finish(offset)

    @rule()
    def ask(self) -> None:
        self.asked = self.tracker.committable() or self.asked

    @precondition(lambda self: self.asked is not None)
    @rule()
    def commit(self) -> None:
        self.tracker.committed(self.asked or 0)

    @invariant()
    def never_passes_an_unfinished_offset(self) -> None:
        unfinished = [*self.running, *self.waiting]
        committable = self.tracker.committable()
        if committable is not None and unfinished:
            assert committable <= min(unfinished)
        assert self.tracker.unfinished == len(unfinished)
        assert self.tracker.running == set(self.running)


TestAnyOrder = AnyOrder.TestCase
