"""Other programs and phones over UDP: they drive livecam, and livecam drives them."""
