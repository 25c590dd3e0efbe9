"""The commands of ``segments``, a file each for those that belong together."""
