"""Rules of the family provenance."""
