"""Entries as files: Markdown with front matter, JSON records; reading and writing both."""
