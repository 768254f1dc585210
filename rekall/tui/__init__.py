"""The terminal UI: `rekall` on a terminal, in Textual."""
