"""Plots of what a model does, and of how it learnt."""
