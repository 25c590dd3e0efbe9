"""What stands downstream of the pipeline: it reads segment changes and acts on them.

A distribution of its own (`segment-onboarding`). It imports `schemas` and nothing else of this repository.
"""
