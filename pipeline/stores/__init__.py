"""The profile store: who is in which segment now, for those who ask by subject."""
