"""Features: what is known of each user at every tick, computed from accepted events. A file a kind of feature."""
