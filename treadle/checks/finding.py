"""A finding: one problem that `treadle check` reports, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`what` is wrong, `where` ("Loomio's database, table polls"), and the `remedy`."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"
