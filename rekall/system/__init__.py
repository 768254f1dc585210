"""What the operating system is asked for: files, drafts, memory."""
