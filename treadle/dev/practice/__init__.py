"""The practice co-op: seeded, realistic data on Loomio's schema, in its own database."""

from treadle.dev.practice.database import Progress, create, drop
from treadle.dev.practice.size import SIZES, Size

__all__ = ["SIZES", "Progress", "Size", "create", "drop"]
