"""The use cases: check, compare, rerun. Everything above parses and prints; everything below judges one thing."""
