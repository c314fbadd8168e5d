"""Are the weight files whole, and do the shards of a model belong together?"""
