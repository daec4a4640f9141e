"""The control channel: commands from other processes of the same user to a running livecam."""
