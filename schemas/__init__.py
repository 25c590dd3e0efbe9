"""The contracts with producers and subscribers: Avro schemas, their types, and their codec.

A distribution of its own (`segment-schemas`): nothing here imports Beam, Polars or NumPy.
"""
