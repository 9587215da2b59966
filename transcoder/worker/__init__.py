"""This room holds the sandboxed process or two that run media/ for one stream, and the fork server that forks them."""
