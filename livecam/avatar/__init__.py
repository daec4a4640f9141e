"""Avatars as plain arrays: loading, rigging, secondary motion."""
