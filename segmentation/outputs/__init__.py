"""What leaves the pipeline, as columns: frames of changes, profiles and audit records, and their encodings.

May enter: the columns of an output, their checks, and their form as messages, lines or records. May not: how an output
comes about (`membership`, `tracking`), and where it is written.
"""
