"""The way of a photo, from the disk to its group."""
