"""What the command line asks for, parsed and checked once."""
