"""The contracts with producers and subscribers: Avro schemas (``*.avsc``), their types, and their codecs.

A distribution of its own (`segment-schemas`) that every other package may import. It works on records as plain Python
values, and imports neither Beam, Polars and NumPy nor another package of this repository.
"""
