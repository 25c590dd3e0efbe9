"""Where a run reads and writes: a room for each system (`files`, `kafka`, `pubsub`), and `topics` for what the
last two share.
"""
