"""Rules of the family safety."""
