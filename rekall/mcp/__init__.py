"""The door for AI assistants: a server of the Model Context Protocol."""
