"""What topics have in common, whichever system keeps them."""
