"""What the command line asks for: each option declared once, then parsed and checked into one frozen value.

No Beam here: options are parsed before anything heavy is imported.
"""
