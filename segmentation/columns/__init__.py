"""Arrays, tables and texts as columns, and as versioned bytes. Nothing here knows what a column means."""
