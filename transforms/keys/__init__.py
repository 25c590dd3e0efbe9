"""The keys behind pseudonyms, and where they are kept."""
