"""Tokenizer files against each other and against the base."""
