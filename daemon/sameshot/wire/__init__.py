"""What service and workers say to each other."""
