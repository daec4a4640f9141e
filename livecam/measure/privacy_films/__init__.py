"""Measures how often a real face shows, on synthetic films whose every face is known.

persons.py   variations of the photographed head: other persons, masks, sunglasses
scenes.py    values that describe a film: actors, panels, occluders
occluders.py boards, hands and hats that pass before a face
rendering.py renders a film, and a map of the visible faces of each frame
catalogue.py the films by name
playback.py  plays a film as `livecam run` and `livecam convert` would
meter.py     what of a face, and how much needless cover, a published frame shows
report.py    the table
bench.py     measures films, one after the other or in several processes
"""
