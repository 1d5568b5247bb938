"""Stage 3: pixels become one unit vector under a named encoder."""
