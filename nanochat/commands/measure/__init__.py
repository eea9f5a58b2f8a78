"""What `nanochat bench` does: each measurement runs in a process of its own and answers in JSON."""
