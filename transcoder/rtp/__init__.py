"""RTP and RTCP (RFC 3550), reception and sending. Sans-IO."""
