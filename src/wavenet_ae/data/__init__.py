"""Data, from recordings to batches of windows."""
