"""Profile stores: which segments every subject is in now, for those who ask by subject.

`store` is the contract, `stores` the table of all kinds. A kind is one file with its address and its set-up (`sqlite`);
`profile_store`, `tables` and `statements` are for every SQL database.
"""
