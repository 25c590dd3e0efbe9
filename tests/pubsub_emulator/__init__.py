"""An emulator of Pub/Sub (in Go, see ``main.go``), and how it is started here."""
