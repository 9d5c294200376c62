"""Which runs of the second consumer the demo counts as repeats without effect."""

from streams.wire.lifecycle import Finished
from treadle.dev.demo.account import Repeats, take_repeats


def a_run(job: str, kind: str = "polls.close") -> Finished:
    return Finished(job, kind, "default", 1, "succeeded", began_at=0.0, took=0.0)


def test_jobs_that_were_not_done_before_are_not_repeats() -> None:
    repeats = take_repeats([a_run("a"), a_run("b")], done={"c"})

    assert repeats == Repeats(jobs=0, further=0, found_again=False)


def test_a_job_done_before_the_kill_counts_once_and_its_other_runs_as_further_ones() -> None:
    repeats = take_repeats([a_run("a"), a_run("a"), a_run("b"), a_run("b")], done={"a"})

    assert repeats == Repeats(jobs=1, further=2, found_again=False)


def test_the_job_that_finds_polls_is_named_when_it_ran_again() -> None:
    finds = a_run("finds", kind="polls.find_expired")

    repeats = take_repeats([finds, a_run("a"), a_run("a")], done={"finds"})

    assert repeats == Repeats(jobs=1, further=1, found_again=True)


def test_the_first_run_of_the_job_that_finds_polls_explains_nothing() -> None:
    finds = a_run("finds", kind="polls.find_expired")

    repeats = take_repeats([finds, a_run("a")], done=set())

    assert not repeats.found_again
