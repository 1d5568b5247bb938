"""What sameshot knows: one SQLite file, one writer."""
