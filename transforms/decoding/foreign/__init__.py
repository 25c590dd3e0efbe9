"""Foreign logs: what a mapping says about columns and times, applied to columns of text of any format."""
