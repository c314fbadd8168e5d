"""Rules of the family declared."""
