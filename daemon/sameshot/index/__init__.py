"""Stage 5: a vector in, its neighbours out."""
