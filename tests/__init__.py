"""The tests, as a package so that the benchmark's peers can serve as oracles."""
