"""The schedules there are."""

from scheduler.schedule import Schedule

SCHEDULES = (Schedule("polls.close_expired", "0 * * * *"),)
