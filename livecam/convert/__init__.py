"""Puts avatars into video files: looks through a film first, then draws it.

shots.py        finds the cuts
sightings.py    a face in a frame, the tracks that such faces form, the shots they are in
second_look.py  searches one frame harder (views.py: in enlarged, turned parts of it)
carry.py        carries a face through frames in which nobody finds it
search.py       does both where a face is missing
survey.py       the first pass: all of the above
plan.py         decides what every frame will show
film.py         the second pass: draws and writes
batch.py        one film after the other (progress.py: and how far it is)
"""

from livecam.convert.batch import convert_files

__all__ = ["convert_files"]
