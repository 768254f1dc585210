"""Rows in, rows out: the statements behind entries, words and passages."""
