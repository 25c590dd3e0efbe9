"""Kafka: its addresses, clients, source, and what sends and reads its records.

What may enter: whatever only Kafka has. `place` is the one way in for other rooms. Clients are imported in methods.
"""
