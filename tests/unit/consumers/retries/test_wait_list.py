"""Jobs move from tier to tier: whatever clocks and processes do, each returns to its queue, never before it is due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.offsets.commit import Commit, Committed
from consumers.offsets.tracker import OffsetTracker
from consumers.retries.process import next_message
from consumers.retries.wait_list import Room, TierPartition, WaitList
from streams.headers import DUE, ID, text_of
from streams.message import Headers, Message, Received
from streams.moments import from_epoch_ms
from tests.support.builders.messages import TIERS, a_message

NOW = 1_765_217_220_000
DAY = 86_400_000
LITTLE = Room(heap=30_000, partitions=6_000)  # bytes


class World:
    """The tiers, one process that serves them, and three clocks: the true one, the process's and the broker's."""

    def __init__(self, *, ours: int = 0, brokers: int = 0, room: Room | None = None) -> None:
        self.now = NOW
        self.ours, self.brokers = ours, brokers
        self.log: dict[TierPartition, list[Received]] = defaultdict(list)
        self.commits: dict[TierPartition, Commit] = {}
        self.returned: list[tuple[int, Received]] = []  # to their queues, and when
        self.moves: list[tuple[str, str]] = []  # topic and job
        self.room = room
        self.start()

    def start(self) -> None:
        """A process takes over from what is committed."""
        self.wait_list = WaitList(TIERS, self.room)
        self.trackers: dict[TierPartition, OffsetTracker] = {}
        self.read: dict[TierPartition, int] = {}

    def send(self, message: Message) -> None:
        if message.topic.startswith("jobs."):
            received = Received(message.topic, 0, 0, message.key, message.value, message.headers, self.now)
            self.returned.append((self.now, received))
            return
        at = (message.topic, message.partition or 0)
        self.moves.append((message.topic, text_of(message.headers, ID)))
        stamp = self.now + self.brokers
        self.log[at].append(
            Received(*at, len(self.log[at]), message.key, message.value, message.headers, stamp)
        )

    def enqueue(self, id_: str, wait: int, more: Headers | None = None) -> None:
        due = self.now + wait
        headers = {"ce_id": id_.encode(), "treadle_due": b"%d" % due, "treadle_queue": b"low"}
        job = a_message(headers=headers, more=more)
        message = Message("jobs.low", job.key, job.value, job.headers, due=due)
        self.send(TIERS.send_to_wait(message, self.now))

    def turn(self, most: int = 100) -> None:
        """What the process does in one turn of its loop."""
        full = self.wait_list.full()
        for at, messages in self.log.items():
            if at not in self.trackers:
                tracker = self.trackers[at] = OffsetTracker(*at)
                commit = self.commits.get(at, Commit(0, ""))
                tracker.begin(Committed.read(*commit))
                self.read[at] = commit.offset
            if at in full:
                continue
            for received in messages[self.read[at] :]:
                if self.trackers[at].admit(received.offset):
                    self.wait_list.admit(received, self.trackers[at], self.now + self.ours)
            self.read[at] = len(messages)
        for release in self.wait_list.release(self.now + self.ours, most):
            if release.tracker.start(release.received.offset):
                self.send(next_message(release, TIERS, from_epoch_ms(self.now)))
                release.tracker.finish(release.received.offset)

    def commit(self) -> None:
        for at, tracker in self.trackers.items():
            if (commit := tracker.commit()) is not None:
                tracker.committed(commit)
                self.commits[at] = commit

    def run(self, jobs: int, disturb: Callable[[], None] = lambda: None) -> None:
        """Until this many jobs have returned to their queue at least once."""
        for _ in range(100_000):
            self.turn()
            disturb()
            if len({text_of(job.headers, ID) for _, job in self.returned}) == jobs:
                return
            self.turn()
            next_at = self.wait_list.next_at()
            if next_at is not None:
                self.now = max(self.now, next_at - self.ours)
        raise AssertionError("they do not return")

    def lateness(self) -> list[int]:
        return [now - int(text_of(job.headers, DUE)) for now, job in self.returned]


WAITS = st.lists(
    st.integers(1, 3_000) | st.integers(1, 400_000) | st.integers(1, 30 * DAY), min_size=1, max_size=12
)


@given(waits=WAITS)
def test_every_job_returns_exactly_on_time_and_is_in_each_tier_once(waits: list[int]) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)

    world.run(len(waits))

    assert set(world.lateness()) == {0}
    assert len(world.returned) == len(waits)
    for number, wait in enumerate(waits):
        moves = Counter(topic for topic, id_ in world.moves if id_ == str(number))
        largest = moves.pop("retry.48h", 0)
        assert largest <= wait // (8 * DAY) + 1
        assert set(moves.values()) <= {1}


@given(waits=WAITS, ours=st.integers(-20_000, 20_000), brokers=st.integers(-20_000, 20_000))
def test_clocks_that_differ_make_a_job_early_or_late_by_no_more_than_they_differ(
    waits: list[int], ours: int, brokers: int
) -> None:
    world = World(ours=ours, brokers=brokers)
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)

    world.run(len(waits))

    assert len(world.returned) == len(waits)
    assert min(world.lateness()) >= -max(ours, 0)
    assert max(world.lateness()) <= max(-ours, 0) + abs(ours - brokers)
    moves = Counter((topic, id_) for topic, id_ in world.moves if topic != "retry.48h")
    assert max(moves.values(), default=0) <= 2


@settings(max_examples=60)
@given(waits=WAITS, data=st.data())
def test_killed_processes_lose_nothing_and_release_nothing_early(
    waits: list[int], data: st.DataObject
) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)
    events = data.draw(st.lists(st.sampled_from(["", "", "commit", "kill"]), max_size=60))

    def disturb() -> None:
        match events.pop() if events else "":
            case "commit":
                world.commit()
            case "kill":
                world.start()

    world.run(len(waits), disturb)

    assert min(world.lateness()) == 0
    assert {text_of(job.headers, ID) for _, job in world.returned} == set(map(str, range(len(waits))))


@given(waits=st.lists(st.integers(1, 60_000), min_size=1, max_size=30), kills=st.sets(st.integers(0, 40)))
def test_a_process_that_commits_before_it_leaves_repeats_nothing(waits: list[int], kills: set[int]) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)
    turns = iter(range(100_000))

    def disturb() -> None:
        if next(turns) in kills:
            world.commit()
            world.start()

    world.run(len(waits), disturb)

    assert len(world.returned) == len(waits)
    assert set(world.lateness()) == {0}


def test_a_job_with_a_null_header_waits_and_returns_with_it() -> None:
    world = World()
    world.enqueue("1", 90_000, more=[("x", None)])

    world.run(1)

    ((_, returned),) = world.returned
    assert ("x", None) in returned.headers


def test_little_room_makes_jobs_late_and_loses_none() -> None:
    world = World(room=LITTLE)
    for number in range(500):
        world.enqueue(str(number), 1_000 + number)

    world.run(500)

    assert len(world.returned) == 500
    assert min(world.lateness()) >= 0


def test_a_full_partition_is_not_fetched_from_until_it_is_half_empty() -> None:
    wait_list = WaitList(TIERS, Room(partitions=2_000))
    tracker = OffsetTracker("retry.5s", 0)
    for offset in range(6):
        wait_list.admit(a_waiting_job(offset, due=NOW + 60_000), tracker, NOW)
    full = wait_list.full()

    wait_list.release(NOW + 5_000, most=2)
    still = wait_list.full()
    wait_list.release(NOW + 5_000, most=4)

    assert full == still == {("retry.5s", 0)}
    assert wait_list.full() == set()


def test_what_was_taken_away_is_forgotten() -> None:
    wait_list = WaitList(TIERS)
    tracker = OffsetTracker("retry.5s", 0)
    wait_list.admit(a_waiting_job(0, due=NOW + 60_000), tracker, NOW)
    wait_list.admit(a_waiting_job(1, due=NOW + 100), tracker, NOW)

    tracker.revoke()
    wait_list.forget([tracker])

    assert wait_list.release(NOW + 60_000, most=10) == []
    assert len(wait_list) == 0


def test_a_job_whose_due_moment_cannot_be_read_returns_right_away() -> None:
    wait_list = WaitList(TIERS)

    wait_list.admit(a_message(topic="retry.48h", headers={"treadle_due": b"soon"}), OffsetTracker("", 0), NOW)

    (release,) = wait_list.release(NOW, most=10)
    assert release.hop is None


def a_waiting_job(offset: int, *, due: int) -> Received:
    headers = {"treadle_due": b"%d" % due, "treadle_queue": b"low"}
    return a_message(topic="retry.5s", partition=0, offset=offset, headers=headers, timestamp=NOW)
