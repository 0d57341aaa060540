"""Runs side by side: tables and plots."""
