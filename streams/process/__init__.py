"""What every process has: logs, metrics, traces, signals, health."""
