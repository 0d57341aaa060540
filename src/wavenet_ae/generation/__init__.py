"""Files to codes and sound."""
