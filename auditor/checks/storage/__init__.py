"""Is everything stored the way git and git-lfs need it?"""
