"""The pure parts of the benchmarks: figures, their JSON, turns, accounts, and the picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import picture, records
from bench.alternating import NotMeasured, alternate
from bench.figures import Figure, Limit, Series, number, percentile, series, times
from bench.log import PARTITIONS, partition_of
from bench.records import Record

RUNS = st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=9)
KEYS = {"measure", "unit", "ours", "peers", "runs", "target", "held", "spread", "peer_spreads"}


def a_figure(
    *ours: float, must: float | None = None, wanted: float | None = None, more_is_better: bool = True
) -> Figure:
    return Figure(
        "No-op jobs",
        "jobs/s",
        series(ours),
        {"Sidekiq": Series((5_000.0, 6_000.0, 5_500.0))},
        more_is_better=more_is_better,
        must=None if must is None else Limit(must, "10 times Sidekiq"),
        wanted=None if wanted is None else Limit(wanted),
    )


@given(RUNS)
def test_the_median_lies_within_the_spread(values: list[float]) -> None:
    taken = Series(tuple(values))

    low, high = taken.spread

    assert low <= taken.median <= high


@given(RUNS, st.floats(min_value=0.1, max_value=100))
def test_a_percentile_is_one_of_the_values_and_enough_are_not_above_it(
    values: list[float], percent: float
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]

    assert [percentile(values, percent) for percent in (50, 99, 100)] == [50, 99, 100]


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 99)


@pytest.mark.parametrize(
    ("ours", "more_is_better", "held"),
    [(60, True, True), (40, True, False), (40, False, True), (60, False, False)],
)
def test_a_target_is_held_on_its_good_side(ours: float, more_is_better: bool, held: bool) -> None:
    figure = a_figure(ours, must=50, more_is_better=more_is_better)

    assert figure.holds(figure.must) is held


def test_a_limit_that_depends_on_a_peer_is_missing_with_the_peer() -> None:
    assert times(10, series([]), "Sidekiq") is None
    assert times(10, series([4, 5, 9]), "Sidekiq") == Limit(50, "10 times Sidekiq")


def test_a_row_of_the_json_has_its_keys_and_survives_the_way() -> None:
    figure = a_figure(61_000, 60_000, 65_000, must=55_000, wanted=110_000)

    row = json.loads(json.dumps(figure.as_json()))

    assert set(row) == KEYS
    assert row["ours"] == 61_000
    assert row["peers"] == {"Sidekiq": 5_500}
    assert row["runs"] == 3
    assert row["target"] == "must ≥ 55,000 (10 times Sidekiq); wanted ≥ 110,000"
    assert row["held"] is True
    assert row["spread"] == [60_000, 65_000]


def test_what_was_not_measured_is_null_and_neither_held_nor_missed() -> None:
    row = a_figure(must=50).as_json()

    assert (row["ours"], row["held"], row["runs"], row["spread"]) == (None, None, 0, None)


@pytest.mark.parametrize(
    ("value", "told"), [(0, "0"), (0.01234, "0.0123"), (2.5, "2.5"), (99.44, "99.4"), (165_432.1, "165,432")]
)
def test_numbers_are_told_with_the_digits_that_count(value: float, told: str) -> None:
    assert number(value) == told


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = alternate({"ours": lambda _: side("ours"), "theirs": lambda _: side("theirs")}, runs=3)

    assert order == ["ours", "theirs"] * 3
    assert taken.of("theirs", lambda value: value) == [2, 4, 6]


def test_a_side_that_cannot_be_measured_is_named_and_the_others_go_on() -> None:
    def missing(_: int) -> float:
        raise NotMeasured("is not installed: apt-get install it")

    taken = alternate({"ours": float, "theirs": missing}, runs=3)

    assert taken.results == {"ours": [0, 1, 2], "theirs": []}
    assert taken.note == "theirs: is not installed: apt-get install it"


def test_a_job_performed_three_times_is_repeated_twice() -> None:
    assert records.repeated([Record(1, 0), Record(2, 0), Record(1, 1), Record(1, 2)]) == 2


@given(st.sets(st.integers(0, 1_000)))
def test_jobs_performed_once_are_not_repeated(numbers: set[int]) -> None:
    assert records.repeated([Record(number, 0.0) for number in numbers]) == 0


def test_a_line_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "records"
    file.write_bytes(b"1 10.000000\n2 10.500000\n3 11.")

    assert records.read(file) == [Record(1, 10.0), Record(2, 10.5)]


def test_the_longest_gap_is_that_of_the_line_that_stood_still() -> None:
    steady = [at / 10 for at in range(100)]
    halting = [at / 10 for at in range(100) if not 30 < at < 50]

    assert records.longest_gap([steady], 0, 9.9) == pytest.approx(0.1)
    assert records.longest_gap([steady, halting], 0, 9.9) == pytest.approx(2.0)


def test_a_line_that_stops_for_good_has_a_gap_until_the_end() -> None:
    assert records.longest_gap([[1.0]], 0.0, 10.0) == 9.0


def test_a_partition_without_a_job_is_a_line_without_moments() -> None:
    done = [Record(0, 1.0), Record(PARTITIONS, 2.0), Record(1, 3.0)]

    assert records.moments_by_partition(done, {0, 2}) == [[1.0, 2.0], []]


def test_partitions_are_back_when_the_last_of_them_is() -> None:
    done = [Record(0, 4.0), Record(0, 5.5), Record(1, 9.0), Record(2, 5.1)]

    assert records.back_at_work(done, {0, 1}, after=5.0) == 4.0
    assert records.back_at_work(done, {0, 1, 3}, after=5.0) is None


def test_the_owner_of_a_partition_is_who_worked_on_it_of_late() -> None:
    done = [Record(0, 1.0), Record(1, 4.8), Record(PARTITIONS + 2, 4.9), Record(3, 5.2)]

    assert records.last_partitions(done, before=5.0, since=4.5) == {1, partition_of(2)}


def test_the_picture_is_well_formed_and_shows_both_sides() -> None:
    drawn = picture.draw([a_figure(61_000, must=55_000), a_figure()], "2 CPUs & <quiet>")

    root = ElementTree.fromstring(drawn)

    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert texts.count("Sidekiq") == 1
    assert "61,000" in texts
    assert any("2 CPUs & <quiet>" in text for text in texts)


@given(ours=RUNS, must=st.floats(min_value=0, max_value=1e9))
def test_no_bar_leaves_the_picture(ours: list[float], must: float) -> None:
    root = ElementTree.fromstring(picture.draw([a_figure(*ours, must=must)], "anywhere"))

    bars = [element.attrib for element in root.iter() if element.tag.endswith("rect")]
    assert all(float(bar.get("x", 0)) + float(bar["width"]) <= picture.WIDTH for bar in bars)


def test_no_turn_begins_when_it_is_late() -> None:
    runs: list[int] = []

    taken = alternate({"ours": runs.append}, runs=3, is_late=lambda: len(runs) == 2)

    assert runs == [0, 1]
    assert not taken.missing


def test_who_had_no_turn_is_named() -> None:
    taken = alternate({"ours": float}, runs=3, is_late=lambda: True)

    assert taken.note == "ours: out of time"
