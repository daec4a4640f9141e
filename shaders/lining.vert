// Projects the inside of the coat in a dark tone, so that gaps of a head are opaque.

#include "place.glsl"
#include "light.glsl"
#include "finish.glsl"

in vec3 position, color;
in vec4 surface;

uniform mat4 clip_from_camera;
out vec4 v_tone;

void main() {
    gl_Position = clip_from_camera * vec4(placed(position, surface.z), 1.0);
    v_tone = finish(color * surface.y * ambient(vec3(0.0, -0.5, 0.0)) * exposure);
}
