"""Kafka: addresses, clients, source and sinks."""
