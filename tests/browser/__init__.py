"""The page in a browser: Debian's chromium, driven by playwright."""
