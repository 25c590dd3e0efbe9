"""Files of this machine: event logs in, whole files of records out; and small text files from a bucket.

What may enter: finding, reading and cutting files, and writing them so that they appear whole or not at all.
"""
