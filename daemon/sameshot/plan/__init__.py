"""Groups to steps: what would be done to the owner's files, decided without touching them."""
