"""Pub/Sub: addresses, clients, sources and sinks, and how its topics are made."""
