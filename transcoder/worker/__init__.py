"""The sandboxed process that runs media/ for one stream."""
