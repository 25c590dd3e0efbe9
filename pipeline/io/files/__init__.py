"""Files on this machine (and small ones in a bucket): event logs in, records out."""
