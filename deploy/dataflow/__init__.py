"""The Flex Template: the image of launcher and workers, and what describes its parameters."""
