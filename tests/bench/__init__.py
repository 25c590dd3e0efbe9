"""What `make bench` runs: this project and its peers, each in a process of its own."""
