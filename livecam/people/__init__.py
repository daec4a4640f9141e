"""Tracking by detection: which face belongs to which person, and who wears an avatar.

association.py  matches the detections of one frame to tracks
slots.py        assigns tracks to avatars
cuts.py         recognises a cut, after which all tracks end
tracker.py      all of it for one frame after the other (live)
offline.py      the same association over a recording (convert)
"""
