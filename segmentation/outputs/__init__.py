"""What leaves the pipeline as columns: frames of changes, profiles and audit records, and their encodings."""
