// Places the inside of the coat and gives it a dark tone: nobody may look through a gap in a head.

#include "light.glsl"
#include "finish.glsl"

in vec3 position, color;
in vec4 surface;

uniform mat4 clip_from_camera, camera_from_head, camera_from_body;
out vec4 v_tone;

void main() {
    vec4 at = vec4(position, 1.0);
    vec3 p = mix((camera_from_body * at).xyz, (camera_from_head * at).xyz, surface.z);
    gl_Position = clip_from_camera * vec4(p, 1.0);
    v_tone = finish(color * surface.y * ambient(vec3(0.0, -0.5, 0.0)) * exposure);
}
