"""Metrics of units, representations and reconstructions."""
