"""All users together: the exact histogram of each measured feature, and the percentiles in it."""
