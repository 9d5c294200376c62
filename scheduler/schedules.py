"""All schedules."""

from scheduler.schedule import Schedule

SCHEDULES = (Schedule("polls.close_expired", "0 * * * *"),)
