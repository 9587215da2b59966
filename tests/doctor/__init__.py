"""Tests of the room that examines a machine."""
