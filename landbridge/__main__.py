"""`python -m landbridge` is the command line."""

from landbridge.cli import main

main()
