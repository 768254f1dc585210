"""The shell's door: commands that parse, call the knowledge base once, and render."""
