"""The picture of the results is valid SVG, and its bars stay inside it."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from bench import picture
from tests.unit.bench.figures import RUNS, a_figure


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
