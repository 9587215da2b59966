"""The only users of PyAV: decoder, pixel stages, encoder."""
