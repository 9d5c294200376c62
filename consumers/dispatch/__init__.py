"""Where a work item waits until an executor takes it."""
