"""This room holds the camera's side of a stream, without I/O: session, intake and reconnection policy."""
