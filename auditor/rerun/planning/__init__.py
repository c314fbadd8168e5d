"""What a rerun trains: every setting with its source, what is in the way, and other readings of what was declared."""
