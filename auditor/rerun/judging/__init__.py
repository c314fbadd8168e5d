"""How far what was trained again lies from what was committed, aspect by aspect, and what explains it."""
