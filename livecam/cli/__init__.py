"""The command line of `livecam`."""

CANCELLED = 130  # the exit code of a program that Ctrl-C ended, as shells have it
