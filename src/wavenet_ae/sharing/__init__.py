"""Models that leave the machine: folders to share, their cards, and the hub."""
