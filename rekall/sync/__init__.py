"""A base and a folder of one file an entry become the same, whoever changed what."""
