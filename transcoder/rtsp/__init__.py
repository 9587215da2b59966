"""RTSP (RFC 2326): messages, headers, authentication, client and server state machines. Sans-IO."""
