"""evaluate.py: what a model's codes carry, as tables of figures with their controls."""
