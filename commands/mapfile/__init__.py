"""The map and its rules as one TOML file, which can be reviewed, compared and loaded. Locks are not in it.

A lock is an act of the moment and no configuration: with a file of last week what was taken away since would come
back.
"""
