"""From recordings to batches of valid windows."""
