"""Topics as people use them: send a log, keep time going, look at what comes out."""
