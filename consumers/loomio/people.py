"""People: the users of Loomio."""

import re


def avatar_initials(name: str | None, email: str | None, *, deactivated: bool) -> str:
    """What `users.avatar_initials` holds: Loomio sets it anew with every save of a user.

    The first letters of up to three words of the name; without a name, or when the name is the address,
    the first two letters of the address; only A to Z. "DU" for a deactivated user.
    """
    if deactivated:
        return "DU"
    if not name or name == email:
        initials = (email or "")[:2]
    else:
        initials = "".join(word[0] for word in name.split()[:3])
    return re.sub("[^A-Z]", "", initials.upper())
