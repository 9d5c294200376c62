"""Jobs fall from tier to tier: whatever clocks and processes do, each comes home, and not before it is due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.offsets import Commit, OffsetTracker
from consumers.retries import home_of
from consumers.waiting import At, Room, Waiting, onward
from streams.message import Headers, Message, Received
from tests.support.builders.messages import TIERS, a_message

NOW = 1_765_217_220_000
DAY = 86_400_000
LITTLE = Room(heap=30_000, lines=6_000)  # bytes


class World:
    """The tiers, one process that serves them, and three clocks: the true one, the process's and the broker's."""

    def __init__(self, *, ours: int = 0, brokers: int = 0, room: Room | None = None) -> None:
        self.now = NOW
        self.ours, self.brokers = ours, brokers
        self.log: dict[At, list[Received]] = defaultdict(list)
        self.commits: dict[At, Commit] = {}
        self.home: list[tuple[int, Received]] = []
        self.passed: list[tuple[str, str]] = []
        self.room = room
        self.start()

    def start(self) -> None:
        """A process takes over from what is committed."""
        self.waiting = Waiting(TIERS, self.room)
        self.trackers: dict[At, OffsetTracker] = {}
        self.read: dict[At, int] = {}

    def send(self, message: Message) -> None:
        if message.topic.startswith("jobs."):
            came = Received(message.topic, 0, 0, message.key, message.value, message.headers, self.now)
            self.home.append((self.now, came))
            return
        at = (message.topic, message.partition or 0)
        self.passed.append((message.topic, dict(message.headers)["ce_id"].decode()))
        stamp = self.now + self.brokers
        self.log[at].append(
            Received(*at, len(self.log[at]), message.key, message.value, message.headers, stamp)
        )

    def enqueue(self, id_: str, wait: int, more: Headers | None = None) -> None:
        headers = {"ce_id": id_.encode(), "treadle_due": b"%d" % (self.now + wait), "treadle_queue": b"low"}
        came = a_message(headers=headers, more=more)
        self.send(TIERS.send_to_wait(Message("jobs.low", came.key, came.value, came.headers), self.now))

    def turn(self, most: int = 100) -> None:
        """What the process does in one turn of its loop."""
        full = self.waiting.full()
        for at, messages in self.log.items():
            if at not in self.trackers:
                tracker = self.trackers[at] = OffsetTracker(*at)
                commit = self.commits.get(at, Commit(0, ""))
                tracker.begin(commit.offset, commit.metadata)
                self.read[at] = commit.offset
            if at in full:
                continue
            for received in messages[self.read[at] :]:
                if self.trackers[at].admit(received.offset):
                    self.waiting.admit(received, self.trackers[at], self.now + self.ours)
            self.read[at] = len(messages)
        for release in self.waiting.release(self.now + self.ours, most):
            if release.tracker.start(release.came.offset):
                self.send(onward(release, TIERS, home_of(release.came)))
                release.tracker.finish(release.came.offset)

    def commit(self) -> None:
        for at, tracker in self.trackers.items():
            if (commit := tracker.commit()) is not None:
                tracker.committed(commit)
                self.commits[at] = commit

    def run(self, jobs: int, disturb: Callable[[], None] = lambda: None) -> None:
        """Until so many jobs came home at least once."""
        for _ in range(100_000):
            self.turn()
            disturb()
            if len({dict(came.headers)["ce_id"] for _, came in self.home}) == jobs:
                return
            self.turn()
            next_at = self.waiting.next_at()
            if next_at is not None:
                self.now = max(self.now, next_at - self.ours)
        raise AssertionError("they do not come home")

    def lateness(self) -> list[int]:
        return [now - int(dict(came.headers)["treadle_due"]) for now, came in self.home]


WAITS = st.lists(
    st.integers(1, 3_000) | st.integers(1, 400_000) | st.integers(1, 30 * DAY), min_size=1, max_size=12
)


@given(waits=WAITS)
def test_every_job_is_home_at_its_very_moment_and_in_one_tier_at_a_time(waits: list[int]) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)

    world.run(len(waits))

    assert set(world.lateness()) == {0}
    assert len(world.home) == len(waits)
    for number, wait in enumerate(waits):
        moves = Counter(topic for topic, id_ in world.passed if id_ == str(number))
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

    assert len(world.home) == len(waits)
    assert min(world.lateness()) >= -max(ours, 0)
    assert max(world.lateness()) <= max(-ours, 0) + abs(ours - brokers)
    moves = Counter((topic, id_) for topic, id_ in world.passed if topic != "retry.48h")
    assert max(moves.values(), default=0) <= 2


@settings(max_examples=60)
@given(waits=WAITS, data=st.data())
def test_killed_processes_lose_nothing_and_let_nothing_go_early(
    waits: list[int], data: st.DataObject
) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)
    lives = data.draw(st.lists(st.sampled_from(["", "", "commit", "kill"]), max_size=60))

    def disturb() -> None:
        match lives.pop() if lives else "":
            case "commit":
                world.commit()
            case "kill":
                world.start()

    world.run(len(waits), disturb)

    assert min(world.lateness()) == 0
    assert {dict(came.headers)["ce_id"].decode() for _, came in world.home} == set(
        map(str, range(len(waits)))
    )


@given(waits=st.lists(st.integers(1, 60_000), min_size=1, max_size=30), kills=st.sets(st.integers(0, 40)))
def test_a_process_that_commits_before_it_goes_repeats_nothing(waits: list[int], kills: set[int]) -> None:
    world = World()
    for number, wait in enumerate(waits):
        world.enqueue(str(number), wait)
    turns = iter(range(100_000))

    def disturb() -> None:
        if next(turns) in kills:
            world.commit()
            world.start()

    world.run(len(waits), disturb)

    assert len(world.home) == len(waits)
    assert set(world.lateness()) == {0}


def test_a_job_with_a_null_header_waits_and_brings_it_home() -> None:
    world = World()
    world.enqueue("1", 90_000, more=[("x", None)])

    world.run(1)

    ((_, home),) = world.home
    assert ("x", None) in home.headers


def test_little_room_makes_jobs_late_and_loses_none() -> None:
    world = World(room=LITTLE)
    for number in range(500):
        world.enqueue(str(number), 1_000 + number)

    world.run(500)

    assert len(world.home) == 500
    assert min(world.lateness()) >= 0


def test_a_full_line_is_not_fetched_from_until_it_is_half_empty() -> None:
    waiting = Waiting(TIERS, Room(lines=2_000))
    tracker = OffsetTracker("retry.5s", 0)
    for offset in range(6):
        waiting.admit(waiting_message(offset, due=NOW + 60_000), tracker, NOW)
    full = waiting.full()

    waiting.release(NOW + 5_000, most=2)
    still = waiting.full()
    waiting.release(NOW + 5_000, most=4)

    assert full == still == {("retry.5s", 0)}
    assert waiting.full() == set()


def test_what_was_taken_away_is_forgotten() -> None:
    waiting = Waiting(TIERS)
    tracker = OffsetTracker("retry.5s", 0)
    waiting.admit(waiting_message(0, due=NOW + 60_000), tracker, NOW)
    waiting.admit(waiting_message(1, due=NOW + 100), tracker, NOW)

    tracker.revoked = True
    waiting.forget([tracker])

    assert waiting.release(NOW + 60_000, most=10) == []
    assert len(waiting) == 0


def test_without_a_due_moment_that_can_be_read_a_job_goes_home_at_once() -> None:
    waiting = Waiting(TIERS)

    waiting.admit(a_message(topic="retry.48h", headers={"treadle_due": b"soon"}), OffsetTracker("", 0), NOW)

    (release,) = waiting.release(NOW, most=10)
    assert release.place is None


def waiting_message(offset: int, *, due: int) -> Received:
    headers = {"treadle_due": b"%d" % due, "treadle_queue": b"low"}
    return a_message(topic="retry.5s", partition=0, offset=offset, headers=headers, timestamp=NOW)
