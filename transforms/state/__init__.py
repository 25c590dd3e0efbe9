"""What the two stateful steps keep between calls: a shard's state as Beam has it, and when timers fire."""
