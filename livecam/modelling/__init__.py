"""The generator of the built-in heads and accessories; needed at build time only.

A head comes to be in these steps:

1. `species/` describes it: numbers (`proportions.py`), bones (`rig_bones.py`), a paint function,
   extra parts. `humans.py` holds what both humans share.
2. `shape.py` turns the numbers into a signed distance function (`sdf.py`), a lip line and skin
   weights; `landmarks.py` places brows, cheeks and corners of the mouth on it.
3. `expressions.py` fits a displacement field to the landmarks for each of the 52 expressions.
4. `skin.py` extracts the surface (`remesh.py`), refines it where the paint varies, cuts it open
   between the lips (`slit.py`), evaluates the fields at its vertices and removes folds
   (`unfold.py`).
5. Further parts are made to fit: `eyes.py`, `lids.py`, `noses.py`, `mouth.py`, `teeth.py`,
   `whiskers.py`; on some heads `horns.py`, `curls.py`, `hair.py`, `brows.py`, `lashes.py`,
   `freckles.py`, `collars.py`. Each is a `MeshPart` (`parts.py`) with its own morphs.
6. `packing.py` merges the parts into one mesh per material, in metres.
7. `anchors.py` finds where accessories (`accessories/`) sit on the head.
8. `build.py` writes the folder: the meshes at both levels of detail (`detail.py`), the description
   (`descriptions.py`), the thumbnail (`thumbnail.py`).

The same input gives the same bytes. `vectors.py`, `curves.py` and `mesh.py` hold the geometry that
all of these share.
"""
