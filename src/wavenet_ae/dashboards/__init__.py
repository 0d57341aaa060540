"""Dashboards: panels as data, drawn from run folders or sent to W&B."""
