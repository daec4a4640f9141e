"""Avatar meshes in glTF 2.0 binary files, read and written with plain numpy.

The files open in Blender and three.js. Head, body and bones are a skin (avatar/skin.py). Morph
targets are sparse, named by `extras.targetNames`: the 52 expressions, then correctives. A
material's name is the lower-case name of its `Material`. Two custom attributes hold
what glTF does not define, both VEC4 (importers stumble over mixed widths): `_FUR` = (occlusion, fur
length in metres, head weight, 0) and `_COMB` = (comb direction, 0).

Specification: Khronos glTF 2.0, sections 3.6 (binary data), 3.7 (skins) and 4.4 (GLB).
"""

from __future__ import annotations

from livecam.avatar.gltf.reading import read_meshes
from livecam.avatar.gltf.writing import write_glb

__all__ = ["read_meshes", "write_glb"]
