"""Embedding models: what is installed, how one is run, and how one is made."""
