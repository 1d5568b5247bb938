"""`python -m sameshot` is the command line."""

from sameshot.cli import main

main()
