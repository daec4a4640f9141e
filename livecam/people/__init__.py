"""Tracking by detection: which face belongs to which person."""
