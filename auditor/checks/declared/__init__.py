"""Does the declared configuration hold, key by key?"""
