"""This room measures loads on this machine: cameras, the gateway and readers each run in a process of their own."""
