"""The HTTP side of steering: API, events, metrics, health."""
