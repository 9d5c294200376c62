"""A fake client of Kafka, for tests of commits."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition


class Broker:
    """Answers each call with the next of `answers`, an error code or None for success; the last one repeats."""

    def __init__(self, *answers: int | None) -> None:
        self.answers: Sequence[int | None] = answers
        self.asked: list[list[int]] = []

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        self.asked.append([offset.partition for offset in offsets])
        return self._answer(offsets)

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return self._answer([TopicPartition(each.topic, each.partition, 7) for each in partitions])

    def _answer(self, offsets: list[TopicPartition]) -> list[TopicPartition]:
        answer, self.answers = self.answers[0], self.answers[1:] or self.answers
        if answer is not None:
            raise KafkaException(KafkaError(answer))
        return offsets
