"""RTP and RTCP (RFC 3550) are received and sent here. The room is sans-IO."""
