"""Recipes: several trainings by one command, each of which starts from those before it."""
