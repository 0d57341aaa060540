"""Pages of what evaluations have found."""
