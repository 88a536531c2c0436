"""Smaller bundles from bundles."""
