"""Events are hints that mark a folder dirty; the sweep is the truth; only settled files go on."""
