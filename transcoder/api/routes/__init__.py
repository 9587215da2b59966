"""The routes stand in one module for each subject."""
