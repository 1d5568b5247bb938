"""What a user can ask for: one typed function a file, one table."""
