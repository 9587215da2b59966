"""This room holds the sandboxed process that runs media/ for one stream, and the fork server that forks it."""
