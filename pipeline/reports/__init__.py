"""What people see of a run: progress, numbers, warnings. Nothing here changes what a run does."""
