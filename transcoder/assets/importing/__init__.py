"""A list of cameras, as other programs export it, becomes a plan of what would change."""
