"""The process that moves waiting jobs through the retry tiers, and returns them to their queues on time."""
