"""`python -m disbench` is the `disbench` command."""

from disbench.cli import main

main()
