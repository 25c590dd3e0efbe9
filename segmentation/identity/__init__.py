"""Who a user is: pseudonyms inside the pipeline and outside of it, and the shard that keeps a user.

May enter: what turns an identifier into a pseudonym, or decides what of a person may be kept. May not: a raw user id
into anything that outlives a call, save the bounded memory of `Pseudonymizer`; and where the keys come from.
"""
