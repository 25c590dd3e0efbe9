"""Bytes of event logs to columns of events: plain functions and classes, nothing of Beam."""
