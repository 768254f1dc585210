"""What an entry is: its types, its fields, the rules it passes, and how it is cut and written down."""
