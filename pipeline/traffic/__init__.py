"""A simulator of onboarding traffic, seeded and realistic, and a plain log for benchmarks."""
