"""Flink: how jobs are submitted, watched and stopped."""
