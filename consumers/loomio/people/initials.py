"""The initials of a user, shown in place of a picture."""

import re


def avatar_initials(name: str | None, email: str | None, *, deactivated: bool) -> str:
    """The value of `users.avatar_initials`, which Loomio sets again at every save of a user.

    The first letters of up to three words of the name; without a name, or when the name is the email address,
    the first two letters of the address; only A to Z. "DU" for a deactivated user.
    """
    if deactivated:
        return "DU"
    if not name or name == email:
        initials = (email or "")[:2]
    else:
        initials = "".join(word[0] for word in name.split()[:3])
    return re.sub("[^A-Z]", "", initials.upper())
