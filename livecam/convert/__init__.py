"""Puts avatars into video files: a first pass surveys a film, a second one draws it.

shots.py              finds the cuts
tracks.py             a face in a frame, the tracks that such samples form, the shots they are in
frames.py             reads some frames of a film again
retry_detector.py     detects faces at low thresholds (crop.py: in enlarged, rotated crops)
propagation.py        propagates a face through frames without a detection
gap_search.py         does both where a face is missing
survey.py             the first pass: all of the above
plan.py               decides what every frame will show
film_segmentation.py  learns the background of each shot, segments each frame
quality.py            how much effort is spent on drawing a frame
film.py               the second pass: draws and writes
film_plan.py          all that the second pass must know, as values
drawing.py            draws planned films: graphics, avatars
jobs.py               pairs films with the files they are converted into
thumbnails.py         keeps small pictures for the report (frame_kinds.py: what a frame shows)
report.py             the page that tells what became of each film (report_film.py: its part)
summary.py            tells what became of a film (outcome.py: the values)
converter.py          one film after the other
pieces.py             a long film in pieces, in any process, joined without a seam
"""

from livecam.convert.converter import convert_files

__all__ = ["convert_files"]
