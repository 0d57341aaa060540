"""Dashboards: panels as data, plotted from run folders or sent to W&B."""
