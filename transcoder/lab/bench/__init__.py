"""Load measurements of this machine: simulated cameras, the gateway, readers, each in a process of its own."""
