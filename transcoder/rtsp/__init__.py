"""This room holds RTSP (RFC 2326) without I/O: messages, headers, authentication, states of client and server."""
