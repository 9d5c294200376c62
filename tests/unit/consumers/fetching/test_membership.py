"""How a process belongs to a consumer group: the properties of each membership."""

import pytest

from consumers.fetching.membership import Membership, properties
from streams.errors import ConfigError


def test_a_named_member_is_refused_in_a_cooperative_group_and_accepted_in_the_others() -> None:
    with pytest.raises(ConfigError, match="TREADLE_STATIC_MEMBER=one needs TREADLE_GROUP=eager or consumer"):
        properties(Membership.COOPERATIVE, "one")

    for membership in (Membership.EAGER, Membership.CONSUMER):
        assert properties(membership, "one")["group.instance.id"] == "one"
    assert "group.instance.id" not in properties(Membership.COOPERATIVE, None)
