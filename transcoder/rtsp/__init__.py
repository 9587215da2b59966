"""RTSP (RFC 2326) without I/O: messages, headers, authentication and the state machines of client and server."""
