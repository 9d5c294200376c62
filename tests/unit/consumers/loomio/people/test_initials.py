"""Which initials Loomio gives a user."""

import pytest

from consumers.loomio.people.initials import avatar_initials


@pytest.mark.parametrize(
    ("name", "email", "deactivated", "initials"),
    [
        ("Ann", "ann@x.test", False, "A"),
        ("ann bee cee dee", "ann@x.test", False, "ABC"),
        ("Émile Zola", "e@x.test", False, "Z"),
        (None, "bob@x.test", False, "BO"),
        ("bob@x.test", "bob@x.test", False, "BO"),
        (None, None, False, ""),
        ("Ann", "ann@x.test", True, "DU"),
    ],
)
def test_initials_are_those_of_the_name_or_of_the_address(
    name: str | None, email: str | None, deactivated: bool, initials: str
) -> None:
    assert avatar_initials(name, email, deactivated=deactivated) == initials
