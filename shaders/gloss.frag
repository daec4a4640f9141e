// Draws nose, mouth, teeth and horn: coloured surfaces with a highlight.

#include "light.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

uniform sampler3D noise;

const float NOSE = 2.0, WET = 3.0, TEETH = 4.0;

bool is(float material) {
    return abs(v_surface.w - material) < 0.5;
}

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
    float open = v_surface.y, lit = shadow();
    // sharpness and strength of the highlight, wrap of the key
    vec3 look = is(NOSE) ? vec3(55.0, 0.9, 0.0) : is(WET) ? vec3(30.0, 0.24, 0.3)
              : is(TEETH) ? vec3(60.0, 0.5, 0.25) : vec3(25.0, 0.2, 0.2);
    if (is(NOSE)) {
        n = normalize(n + (texture(noise, v_rest * 85.0).gbr - 0.5) * 0.10);  // pores
    }
    vec3 h = normalize(key_direction + v), r = reflect(-v, n);
    vec3 light = key * key_on(n, look.z) * mix(0.25, 1.0, lit) + ambient(n) + 0.35 * fill;
    vec3 c = v_color * light * open;
    float gloss = pow(max(0.0, dot(n, h)), look.x) * look.y;
    if (is(NOSE)) {
        gloss += 0.10 * pow(max(0.0, dot(n, h)), 9.0);
        float edge = pow(1.0 - max(0.0, dot(n, v)), 3.0);
        c += open * (0.20 * sky * smoothstep(0.15, 0.9, r.y)
                     + 0.15 * rim * edge * max(0.0, dot(n, rim_direction) + 0.4));
    }
    pixel = finish((c + key * gloss * mix(0.3, 1.0, lit) * open) * exposure);
}
