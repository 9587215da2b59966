"""Tests of the room that keeps a gateway in an archive."""
