"""Measures how often a real face is visible, on synthetic films with known faces.

persons.py   variations of the photographed head: other persons, masks, sunglasses
scenes.py    values that describe a film: actors, panels, occluders
occluders.py boards, hands and hats that pass before a face
rendering.py renders a film, and a map of the visible faces of each frame
catalogue.py the films by name
playback.py  plays a film as `livecam run` and `livecam convert` would
meter.py     measures visible faces and needless cover in a published frame
report.py    the table
bench.py     measures films, one after the other or in several processes
"""
