"""The keys behind pseudonyms: where they are kept, and how a process gets them. Values never leave this room but as
`segmentation.identity.pseudonyms.Keys`; a new keeper of secrets is a file here and a field of `sources.KeySource`.
"""
