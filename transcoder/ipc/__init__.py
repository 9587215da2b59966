"""The service and a worker exchange these messages. The room is sans-IO."""
