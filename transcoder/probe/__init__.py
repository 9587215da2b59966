"""`transcoder probe` is a short visit to a camera that lists what it is, what it sends, and what would be stripped."""
