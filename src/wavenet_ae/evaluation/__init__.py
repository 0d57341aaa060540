"""What the codes carry: their statistics against labels, probes, and baselines."""
