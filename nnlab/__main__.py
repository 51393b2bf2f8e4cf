"""`python -m nnlab` is `nnlab`."""

from nnlab.cli.main import main

main()
