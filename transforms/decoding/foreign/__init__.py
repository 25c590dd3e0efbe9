"""Foreign logs: their columns and times as those of events."""
