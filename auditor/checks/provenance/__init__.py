"""Does the repository say where the adapter comes from?"""
