"""Keeps the daemon running: its lock, its clock, and how systemd and the owner talk to it."""
