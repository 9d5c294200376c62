"""What the records of performed jobs say: repeats, gaps, and owners of partitions."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import records
from bench.log import PARTITIONS, partition_of
from bench.records import Record


def test_a_job_performed_three_times_is_repeated_twice() -> None:
    assert records.repeated([Record(1, 0), Record(2, 0), Record(1, 1), Record(1, 2)]) == 2


@given(st.sets(st.integers(0, 1_000)))
def test_jobs_performed_once_are_not_repeated(numbers: set[int]) -> None:
    assert records.repeated([Record(number, 0.0) for number in numbers]) == 0


def test_an_incomplete_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "records"
    file.write_bytes(b"1 10.000000\n2 10.500000\n3 11.")

    assert records.read(file) == [Record(1, 10.0), Record(2, 10.5)]


def test_the_longest_gap_is_that_of_the_series_that_stopped() -> None:
    steady = [at / 10 for at in range(100)]
    halting = [at / 10 for at in range(100) if not 30 < at < 50]

    assert records.longest_gap([steady], 0, 9.9) == pytest.approx(0.1)
    assert records.longest_gap([steady, halting], 0, 9.9) == pytest.approx(2.0)


def test_a_series_that_stops_for_good_has_a_gap_until_the_end() -> None:
    assert records.longest_gap([[1.0]], 0.0, 10.0) == 9.0


def test_a_partition_without_a_job_is_a_series_without_moments() -> None:
    done = [Record(0, 1.0), Record(PARTITIONS, 2.0), Record(1, 3.0)]

    assert records.moments_by_partition(done, {0, 2}) == [[1.0, 2.0], []]


def test_partitions_have_resumed_when_the_last_of_them_has() -> None:
    done = [Record(0, 4.0), Record(0, 5.5), Record(1, 9.0), Record(2, 5.1)]

    assert records.resumed(done, {0, 1}, after=5.0) == 4.0
    assert records.resumed(done, {0, 1, 3}, after=5.0) is None


def test_the_owner_of_a_partition_is_the_one_that_served_it_last() -> None:
    done = [Record(0, 1.0), Record(1, 4.8), Record(PARTITIONS + 2, 4.9), Record(3, 5.2)]

    assert records.last_partitions(done, before=5.0, since=4.5) == {1, partition_of(2)}
