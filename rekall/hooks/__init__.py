"""What assistants are told of their own accord: hooks of their programs, which run Rekall at set moments, and a skill."""
