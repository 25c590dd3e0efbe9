"""All users together: the exact histogram of each measured feature, and the percentiles in it.

May enter: what counts users over all shards, and what one shard reads from those counts. May not: the identity of a
user (a population holds scores and numbers of users only), and what a rule decides with a percentile.
"""
