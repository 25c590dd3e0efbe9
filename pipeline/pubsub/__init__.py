"""Topics, subscriptions and schemas on Pub/Sub, as a file wants them."""
