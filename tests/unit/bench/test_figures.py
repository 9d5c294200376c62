"""Figures: medians, percentiles, targets, and the rows of the JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Limit, Series, number, percentile, series, times
from tests.unit.bench.figures import RUNS, a_figure

KEYS = {"measure", "unit", "ours", "peers", "runs", "target", "held", "spread", "peer_spreads"}


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


def test_a_row_has_its_keys_and_values_after_a_round_trip_through_json() -> None:
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
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (2.5, "2.5"), (99.44, "99.4"), (165_432.1, "165,432")]
)
def test_numbers_have_about_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text
