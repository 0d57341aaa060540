"""Where a run's metrics go: CSV, histograms, TensorBoard and W&B."""
