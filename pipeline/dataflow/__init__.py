"""Runs on Google Cloud Dataflow: options, source, job."""
