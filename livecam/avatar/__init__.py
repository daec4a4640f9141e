"""Avatars as plain arrays."""
