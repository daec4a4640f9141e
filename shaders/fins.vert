// Projects a fur fin, given in camera space, and lights it like the coat under it.

#include "coat.glsl"
#include "finish.glsl"

in vec3 position, normal, lie, rest, color;
in vec3 tip;  // 0 root .. 1 tip, openness, head weight

uniform mat4 clip_from_camera;
uniform float strand_density;

noperspective out vec3 v_lit, v_rest;
noperspective out float v_height;

void main() {
    gl_Position = clip_from_camera * vec4(position, 1.0);
    // Strands that hang from a hem are lit as facing the camera, not the floor.
    vec3 n = normalize(normal), v = normalize(position);
    n = normalize(n - 1.4 * (1.0 - tip.z) * smoothstep(0.1, -0.8, n.y) * v);
    float open = mix(tip.y, 1.0, 0.3 * tip.x);
    vec3 light = coat_light(position, n, color, lie, open, tip.z, 1.0);
    v_lit = finish(light * mix(0.92, 1.08, tip.x) * exposure).rgb;
    v_rest = rest * strand_density;
    v_height = tip.x;
}
