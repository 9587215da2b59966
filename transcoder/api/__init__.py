"""The HTTP side of control: API, events, metrics, health."""
