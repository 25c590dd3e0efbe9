"""Features: what is known of each user at every tick, computed from accepted events.

One file a kind: what it is, how it is read from the rules, its columns and its state (`kind` is the contract, and
`registry` the list of all). Beside them stands what several kinds share: spans of ticks, schedules, codes and seals.
Expressions and documents may be used here; rules, users and memberships are not known.
"""
