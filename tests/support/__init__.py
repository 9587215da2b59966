"""What several test folders share: readers, cameras and gateways as processes, and coded pictures."""
