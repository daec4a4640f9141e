"""Motion over UDP: received from phones and other programs, and sent to them."""
