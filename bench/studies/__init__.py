"""Questions asked once, each with its own command: `python -m bench.studies.groups`, `.redrive`, `.waiting_jobs`."""
