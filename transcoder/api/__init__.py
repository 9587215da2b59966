"""This room is the HTTP side of control: API, events, metrics, health."""
