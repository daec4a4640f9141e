// Projects and lights one fur shell per instance, the outermost first for early depth tests;
// lighting per vertex costs a third of that per fragment, without a visible difference.

#include "place.glsl"
#include "light.glsl"
#include "shadow_map.glsl"

in vec3 position, normal, rest, color, comb;
in vec4 surface;

uniform mat4 clip_from_camera;
uniform mat4 shadow_from_camera;
uniform float shells, strand_density;
uniform vec3 wind;  // in camera space, over the fur's length

out vec3 v_rest, v_base, v_rim;
out vec2 v_fur;  // height of the shell 0..1, length of the fur in metres

const float CLOSER = 0.65;  // exponent of the heights: shells are denser at the tips, where combing separates them
const vec3 GRAVITY = vec3(0.0, -0.25, 0.0);

void main() {
    float h = pow((shells - float(gl_InstanceID)) / shells, CLOSER);
    vec3 flat_comb = comb - normal * dot(normal, comb);
    vec3 away = normal * 0.75 * h + (flat_comb + GRAVITY) * h * h;
    vec3 p = placed(position + away * surface.x, surface.z) + wind * (h * h * surface.x), n = turned(normal, surface.z);
    vec3 v = normalize(-p);
    gl_Position = clip_from_camera * vec4(p, 1.0);

    vec3 in_shadow = (shadow_from_camera * vec4(p + n * 0.003, 1.0)).xyz * 0.5 + 0.5;
    float lit = shadow_at(in_shadow), open = surface.y;
    vec3 lie = direction(mat3(camera_from_head) * comb);
    float root = mix(0.38, 0.94, pow(h, 0.8));
    v_base = (color * fur_light(n, v, open, lit) + fur_sheen(n, v, lie, color, open, lit)) * root * exposure;
    v_base += (0.3 + 0.7 * color) * through(n, bone.z) * root * exposure;
    v_rim = fur_rim(n, v, color, open, h) * exposure;
    v_rest = rest * strand_density;
    v_fur = vec2(h, surface.x);
}
