"""Stage 6: two photos become one probability that they show the same shot, with the scores that say why."""
