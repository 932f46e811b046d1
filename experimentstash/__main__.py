"""`python -m experimentstash`: the program where its console script is not on the PATH."""

from __future__ import annotations

from experimentstash.cli.program import main

if __name__ == "__main__":
    main()
