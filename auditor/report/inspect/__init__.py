"""An inspection for people and programs: one module a format. What it says is decided in the engine."""
