"""Measures how well a head sits in its frame.

Visible real hair and face, pixels that changed but should not, the error of the filled background
and flicker are measured on each composite of a film.

playback.py  plays a film as `live` or `convert` would
redraw.py    draws a frame, and again with another image
meters.py    the meters (regions.py: masks they measure in; metrics.py: errors, seams, noise)
films.py     synthetic films with a known background
"""
