// Shades skin per fragment.

#include "skin.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in float v_thin;
in vec4 v_surface;
out vec4 pixel;

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
    pixel = finish(skin_light(n, v, v_color, v_surface, v_thin, shadow()) * exposure);
}
