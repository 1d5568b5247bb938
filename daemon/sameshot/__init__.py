"""sameshot keeps a growing photo collection sorted by sameness."""

__version__ = "0.1.0"
