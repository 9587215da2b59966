"""The report says how many cameras are still there, what they leak, and when the last one is gone."""
