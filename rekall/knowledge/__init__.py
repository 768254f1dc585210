"""The use cases: writing entries, keeping the indexes, changing models."""
