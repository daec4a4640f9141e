// Shades the coat under the fur shells, cloth and skin, per fragment.

#include "light.glsl"
#include "finish.glsl"
#include "shadow.glsl"
#include "strand.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
in float v_thin;
out vec4 pixel;

uniform sampler3D noise;
uniform float strand_density;
uniform float bare;  // 1 when no shells will be drawn over it

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
    float furry = furriness(v_surface), open = v_surface.y, lit = shadow();
    vec3 hair = texture(noise, v_rest * strand_density).rgb;
    float clump = texture(noise, v_rest * strand_density * CLUMP + 0.3).b;
    n = normalize(n + furry * 0.22 * (vec3(hair.gb, clump) - 0.5));
    float tip = bare * strand_height(hair, clump);
    vec3 albedo = v_color * mix(1.0, strand_tint(hair, clump) * mix(0.42, 1.0, pow(tip, 0.8)), furry);
    vec3 c = albedo * fur_light(n, v, open, lit) + fur_rim(n, v, albedo, open, tip * furry);
    c += furry * tip * fur_sheen(n, v, direction(v_comb), albedo, open, lit);
    c += (0.3 + 0.7 * albedo) * through(n, v_thin);
    // bare skin and lids are slightly glossy
    float gloss = 0.15 * pow(max(0.0, dot(n, normalize(key_direction + v))), 40.0);
    c += (1.0 - furry) * key * gloss * lit * open;
    pixel = finish(c * exposure);
}
