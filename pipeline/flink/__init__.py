"""Flink as the place where a run happens: how jobs are submitted, watched and stopped."""
