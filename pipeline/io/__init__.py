"""Where a run reads and writes: all that touches the outside world of events and records.

`place` is the contract, `places` the table of all kinds, `outputs` the vocabulary of what is written. A room for each
system (`files`, `kafka`, `pubsub`) holds its address, its place, its clients; `topics` holds what systems of messages
share. A room may know `place`, `outputs`, `topics` and its own system; only `places` knows them all. How events are
decoded, and what becomes of them, is not for here.
"""
