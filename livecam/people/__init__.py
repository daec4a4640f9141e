"""Tracking by detection: associates faces with tracks, and assigns tracks to slots.

association.py  matches the detections of one frame to tracks
slots.py        assigns tracks to slots, one for each avatar
cuts.py         recognises a cut, after which all tracks end
tracker.py      all of it for one frame after the other (live)
offline.py      the same association over a recording (convert)
"""
