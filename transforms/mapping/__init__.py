"""How a foreign log reads as events: the mapping file, checked and frozen."""
