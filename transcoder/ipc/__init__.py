"""Messages between the service and a worker. Sans-IO."""
