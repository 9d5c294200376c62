"""Which queue is next: weighted round-robin, without a lock.

The turns of a cycle are dealt out beforehand by smooth weighted round-robin (the rule that nginx has used for its
upstream servers since 1.3.1): each round adds every queue's weight to its credit, the queue with the most gets the
turn, and the sum of the weights is taken off its credit. So each queue has as many turns as its weight, evenly spread.
The turn of a queue with nothing to do goes to those that have work, again by their weights.

Under full load the shares are exact over any full cycle, whichever turn it starts with; a queue that has work waits
for one cycle at most; and all that the threads share is a counter, whose step is atomic in CPython.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from streams.job import Queue


class RoundRobin:
    """Deals out turns. Safe for many threads. `bits` has a bit for each queue: a set of queues is their sum."""

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        self.bits = {queue: 1 << number for number, queue in enumerate(weights)}
        all_queues = sum(self.bits.values())
        self._cycles = {
            ready: _Cycle({queue: weights[queue] for queue, bit in self.bits.items() if bit & ready})
            for ready in range(1, all_queues + 1)
        }
        self._all = _Cycle(weights)

    def pick(self, ready: int) -> Queue:
        """One of the queues in `ready`, a set that is not empty."""
        queue = self._all.next()
        return queue if self.bits[queue] & ready else self._cycles[ready].next()


class _Cycle:
    """Turns in a fixed order, forever."""

    __slots__ = ("_number", "_turns")

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        credit = dict.fromkeys(weights, 0)
        total = sum(weights.values())
        self._turns = []
        for _ in range(total):
            for queue, weight in weights.items():
                credit[queue] += weight
            best = max(credit, key=lambda queue: credit[queue])
            credit[best] -= total
            self._turns.append(best)
        self._number = count()

    def next(self) -> Queue:
        return self._turns[next(self._number) % len(self._turns)]
