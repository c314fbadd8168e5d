"""Checkpoints, states and logs against each other."""
