"""`python -m transcoder`."""

from transcoder.service.cli import main

main()
