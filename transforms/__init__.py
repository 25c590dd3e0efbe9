"""The steps of the graph, one PTransform a file, in the order in which data flows: `decode_events`, `shard_users`,
`track_users`, `measure_population`, `assign_segments`.

What flows before users are keyed by shard has a file each: `raw_chunk` (a piece of a log), `event_batch` (its events).
After that, messages of `segmentation.messages` flow. A new file here is a new step; what a step is made of goes into a
room: `decoding`, `mapping`, `keys`, `state`. A step loads, calls `segmentation`, saves and sets timers; it knows
neither runners nor places.
"""
