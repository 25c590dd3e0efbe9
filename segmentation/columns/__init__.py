"""Arrays, tables and texts as columns, and as versioned bytes.

May enter: what stores, sorts, hashes or encodes columns of any meaning. May not: anything that knows what a column
means (a user, an event, a feature), or when it is written.
"""
