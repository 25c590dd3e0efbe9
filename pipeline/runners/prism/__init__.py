"""Prism, Beam's local runner for live runs."""
