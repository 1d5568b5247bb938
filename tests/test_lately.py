"""Sets that may still grow, and what is forgotten of them."""

from __future__ import annotations

from sameshot.way.lately import Lately


def test_who_was_linked_since_a_moment_and_no_memory_of_who_was_long_before():
    lately = Lately(300.0)
    for content in range(1000):
        lately.add(content, float(content))
    assert len(lately) == 301
    assert lately.since(990.0) == set(range(991, 1000))
    lately.add(800, 1000.0)  # linked again
    assert lately.since(998.0) == {999, 800}
    lately.add(5, 10.0)  # the clock was set back
    assert 5 in lately.since(0.0)
    lately.add(6, 5000.0)
    assert lately.since(0.0) == {6}
