"""This room holds the helpers that several test folders share: readers, cameras, gateways and coded pictures."""
