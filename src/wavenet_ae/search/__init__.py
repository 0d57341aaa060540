"""Searches for settings, with Optuna."""
