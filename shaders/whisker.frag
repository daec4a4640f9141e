// Shades whiskers.

#include "light.glsl"
#include "finish.glsl"
#include "whisker.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

void main() {
    pixel = finish(whisker_light(normalize(v_normal), v_color) * exposure);
}
