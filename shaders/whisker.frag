// Shades whiskers: thin, so light wraps around them.

#include "light.glsl"
#include "finish.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

void main() {
    vec3 n = normalize(v_normal);
    float on = max(0.0, dot(n, key_direction));
    pixel = finish(v_color * (key * (0.45 + 0.35 * on) + ambient(n)) * exposure);
}
