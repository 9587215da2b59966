"""This room keeps streams running: the gateway, each stream with its source and worker, the fork server, the store."""
