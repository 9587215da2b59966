"""The command line, the wiring, the supervisor and one configured stream."""
