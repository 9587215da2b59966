"""`python -m transcoder`."""

from transcoder.cli.main import main

main()
