"""`python -m rdslab` and the command `rdslab`."""

from rdslab.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
