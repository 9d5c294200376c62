"""Who runs the attempts: slots, the event loop and the process pool, with a watchdog for time limits."""
