"""Stage 7: links become groups."""
