"""Loops over pixels, masks and vertices that are compiled, each beside its form in plain numpy."""
