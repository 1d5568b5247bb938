"""From groups to plans, and from what happened back to the store."""
