"""Runs on Dataflow, as far as they can be tried without it."""
