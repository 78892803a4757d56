"""``python -m lookalike``."""

from lookalike.cli import run

if __name__ == "__main__":
    run()
