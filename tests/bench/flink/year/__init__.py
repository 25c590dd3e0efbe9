"""A job that lives long: a day of many ids to remember and a week after it, and an hour with crashes; both exact.

`plan` says what is sent, `events` makes it, `lines` and `records` write it as bytes, `feeding` sends it; `expected`
computes what has to come out of it, `judging` compares; `sampling`, `summary` and `chart` tell how the job was
meanwhile; `week` and `hour` are the two runs.
"""
