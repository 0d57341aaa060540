"""Evaluation of a trained model, part by part."""
