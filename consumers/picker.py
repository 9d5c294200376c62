"""Which queue is next: smooth weighted round-robin. Pure.

Every pick adds each ready queue's weight to its credit, takes the queue with the most, and subtracts
the sum of the weights from it (the rule nginx uses since 1.3.1 for its upstream servers). Under full
load the shares are exact over every cycle and evenly spread; the share of an idle queue goes to the others.
"""

from collections.abc import Mapping, Sequence

from streams.job import Queue


class Picker:
    """Keeps the credits. Not safe for several threads: the caller holds a lock."""

    def __init__(self, weights: Mapping[Queue, int]) -> None:
        self._weights = dict(weights)
        self._credit = dict.fromkeys(weights, 0)

    def pick(self, ready: Sequence[Queue]) -> Queue:
        """One of the ready queues (at least one)."""
        if len(ready) == 1:
            return ready[0]
        credit, total = self._credit, 0
        best = ready[0]
        for queue in ready:
            weight = self._weights[queue]
            credit[queue] += weight
            total += weight
            if credit[queue] > credit[best]:
                best = queue
        credit[best] -= total
        return best
