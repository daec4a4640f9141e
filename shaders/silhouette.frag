// Draws the silhouette of a head, moved away from the key light, at low resolution.

#include "head_at.glsl"

in vec2 v_uv;
out vec4 pixel;

uniform vec4 head_from_region;  // scale, offset
uniform vec2 cast_offset, contact_offset;  // in the head's texture

void main() {
    vec2 at = v_uv * head_from_region.xy + head_from_region.zw;
    pixel = vec4(head_at(at + cast_offset).a, head_at(at + contact_offset).a, 0.0, 1.0);
}
