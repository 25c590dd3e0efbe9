"""Who is in which segment, tick by tick, and the changes that say so and why."""
