"""Plots of runs and evaluations."""
