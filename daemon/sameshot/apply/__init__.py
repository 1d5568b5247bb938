"""Stage 9, steps -> disk: the only place that touches the owner's files."""
