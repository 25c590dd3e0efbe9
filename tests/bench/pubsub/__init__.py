"""Measurements with Pub/Sub at the ends: `python -m tests.bench.pubsub.growth` and its neighbours."""
