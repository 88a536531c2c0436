"""Embedders: PCM in, vectors out that are near for words that sound alike. Each file here is a family."""
