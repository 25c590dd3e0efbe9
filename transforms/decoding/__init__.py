"""Bytes of event logs to columns of events, for `decode_events`: plain functions and classes, nothing of Beam.

`event_decoder` is the way in; `formats` takes each format apart, `foreign` reads logs that are not our own,
`validation` decides what an event is. A new reason for a dead letter goes into `reasons`, and into its documentation.
"""
