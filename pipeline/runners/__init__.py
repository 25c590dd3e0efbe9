"""Where a run happens: one contract, a room for each runner that needs more than a file."""
