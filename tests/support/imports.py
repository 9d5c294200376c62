"""The modules of Treadle that the fork server imports: what commands need, and nothing that declares a worker or agent.

Every command declares the jobs of `streams.jobs`. The module that a fork runs must not stay imported.
"""

# ruff: noqa: F401  # importing them is the purpose of this file

import consumers.process
import consumers.retries.process
import monitor.dead_letters.campaign
import monitor.dead_letters.canary
import monitor.dead_letters.edit
import monitor.dead_letters.follow
import monitor.dead_letters.story
import monitor.jobs.override
import scheduler.ring
import streams.faust.app
import streams.kafka.topic_admin
import treadle.checks.check
import treadle.cli.dead_letters.connection
import treadle.cli.main
import treadle.database
import treadle.migrations.upgrade
import treadle.perform.perform
import treadle.processes.consumer
import treadle.processes.dead_letters
import treadle.processes.retries
import treadle.processes.scheduler
