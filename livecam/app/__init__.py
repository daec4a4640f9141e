"""The whole line, live and from a file."""
