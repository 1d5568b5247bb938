"""What the numbers of the pair score mean, apart from what computes them: the service needs only these."""

from __future__ import annotations

SHORTLIST_COSINE = 0.55
"""Pairs whose vectors are further apart are not compared: see docs/decisions/pair-score.md for what that costs."""

LINK_THRESHOLD = 0.9
"""From this score on a pair is the same shot: of pairs held out from fitting that reach it 997 in 1000 are, leaving out
those of two shots that share half of what they show (docs/decisions/pair-score.md)."""
