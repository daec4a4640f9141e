"""Films of a head whose every pose is known, and meters that compare with them."""
