"""What the two stateful steps keep between calls, and when their timers fire.

`shard_state` reads and writes the bytes of one shard, `cells` declares them to Beam; `tracked_shard` and
`assigned_shard` are the tables that those bytes hold, one for each step; `timing` has every
instant at which something fires. `facts` has what a state is made with, and `made_with` compares that when a shard is
loaded.
"""
