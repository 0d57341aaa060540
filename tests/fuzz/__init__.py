"""Damaged files: mutations of valid ones, read as a user would have them read."""
