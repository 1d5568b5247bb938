"""The program: `sameshot`, or `python -m sameshot`. Loads the command line and hands over to it."""

from sameshot.interrupt import end_at_once


def main() -> None:
    """Runs the command line and ends the process with the contract's exit code."""
    end_at_once()
    from sameshot.cli import main as command_line  # noqa: PLC0415  loading takes a moment

    command_line()


if __name__ == "__main__":
    main()
