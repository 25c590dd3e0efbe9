"""From events to features: each event once, in its tick, into one shard's table of users."""
