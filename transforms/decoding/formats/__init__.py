"""From bytes to columns, by format: JSON lines, CSV, Avro containers, Avro single objects.

A new format is a file with a class that has `decode(chunk, bad) -> EventColumns`, and an entry in
`transforms.decoding.event_decoder` and in `transforms.raw_chunk.Format`.
"""
