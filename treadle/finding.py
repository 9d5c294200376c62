"""A finding is one thing that `treadle check` sees is wrong, with what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`what` is wrong, `where` it was seen ("Loomio's database, table polls"), and the `remedy`."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"
