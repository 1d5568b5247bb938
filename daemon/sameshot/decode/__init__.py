"""Path to pixels: what a file is, what it shows, and what the camera wrote about it."""
