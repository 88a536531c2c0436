"""Searching recordings: the index on disk, the query language, keywords that were missed, queries by voice."""
