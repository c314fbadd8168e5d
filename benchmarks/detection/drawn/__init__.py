"""Random combinations of ordinary settings, each with a falsified twin (`--set random`)."""
