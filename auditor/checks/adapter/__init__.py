"""Is the adapter itself sound, and does it fit its base model?"""
