"""Can the files be opened without running somebody's code?"""
