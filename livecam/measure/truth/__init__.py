"""Films of a head with known poses, and meters that compare with them."""
