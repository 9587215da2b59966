"""The sandboxed process that runs media/ for one stream, and the fork server it comes from."""
