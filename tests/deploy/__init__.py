"""The local stack: what it says when something is missing; where there is Java, that it comes up and heals."""
