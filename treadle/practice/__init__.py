"""A co-op to practise on: seeded, believable data on Loomio's schema, in a database made for it alone.

Only tests, the demo and the benchmarks use it.
"""

from treadle.practice.database import Progress, create, drop
from treadle.practice.size import SIZES, Size

__all__ = ["SIZES", "Progress", "Size", "create", "drop"]
