"""Lines that many threads print stay whole."""

import io
import threading

from treadle.processes.stdout import WholeLines


class Shredder(io.StringIO):
    """Records every single write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


def test_a_line_is_written_when_it_is_complete() -> None:
    out = Shredder()
    lines = WholeLines(out)

    print("hello", "Ada", file=lines)

    assert out.writes == ["hello Ada\n"]


def test_an_unfinished_line_is_held_back() -> None:
    out = Shredder()
    lines = WholeLines(out)

    lines.write("one\ntwo\nthr")
    lines.flush()
    lines.write("ee\n")

    assert out.writes == ["one\ntwo\n", "three\n"]


def test_no_thread_breaks_into_a_line_of_another() -> None:
    out = Shredder()
    lines = WholeLines(out)
    together = threading.Barrier(4)

    def talk(name: int) -> None:
        together.wait()
        for number in range(200):
            print("thread", name, "says", number, file=lines)

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = sorted(f"thread {name} says {number}" for name in range(4) for number in range(200))
    assert sorted(out.getvalue().splitlines()) == expected
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in out.writes)
