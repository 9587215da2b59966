"""`transcoder probe` visits a camera and lists its make, its media, and the metadata that would be stripped."""
