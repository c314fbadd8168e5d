"""The model card against the adapter beside it."""
