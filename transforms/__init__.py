"""The steps of the graph, one PTransform a file, in the order in which data flows: `decode_events`, `shard_users`,
`track_users`, `measure_population`, `assign_segments`. Between the first two flow `raw_chunk` and `event_batch`.
"""
