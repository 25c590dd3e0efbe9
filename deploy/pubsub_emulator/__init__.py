"""An emulator of Pub/Sub (in Go, see ``main.go``), and what builds, starts and stops it on this machine."""
