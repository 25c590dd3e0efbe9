"""The domain in plain Python, NumPy and Polars: what users did, where they stand, which segments they are in.

Nothing here imports Beam or knows where events come from. Rooms, in the order of their imports: `columns` and
`documents` (ground for all), `expressions`, `features`, `rules`, `identity`, then the stages `tracking`, `population`
and `membership`, and `outputs` (what leaves). `messages` is what the stages send each other, `units` is time,
`errors` the base of every error that a person can mend.
"""
