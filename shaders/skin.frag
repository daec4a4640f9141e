// Draws skin: light goes in, reddens, and comes out softer; wet where it is (a frog's).

#include "light.glsl"
#include "mirror.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in float v_thin;
in vec4 v_surface;  // in place of the fur's length: 0.004 and more is wet
out vec4 pixel;

// Red light travels farthest under the skin, so the border of the shade is wider and redder there.
const vec3 WRAP = vec3(0.42, 0.24, 0.18);

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
    float open = v_surface.y, lit = shadow(), wet = clamp(v_surface.x / 0.004, 0.0, 1.0);
    vec3 own = v_color / max(max(v_color.r, v_color.g), max(v_color.b, 0.05));
    vec3 wrap = WRAP * mix(own, vec3(1.0), 0.4);
    vec3 on = clamp((dot(n, key_direction) + wrap) / (1.0 + wrap), 0.0, 1.0);
    float fill_on = max(0.0, (dot(n, fill_direction) + 0.45) / 1.45);
    // Where little sky is seen, light has bounced off skin before: a fold is red, not grey.
    vec3 sky_on = mix(open * own, vec3(1.0), open) * open;
    vec3 c = v_color * (key * on * mix(vec3(0.30, 0.22, 0.20), vec3(1.0), lit) * mix(0.55, 1.0, open)
                        + fill * fill_on * open + ambient(n) * sky_on);
    c += fur_rim(n, v, v_color, open, 0.35);
    c += (0.3 + 0.7 * v_color) * through(n, v_thin);
    float roughness = mix(0.52, 0.20, wet);
    vec3 f0 = vec3(mix(0.03, 0.05, wet));
    c += lobe(n, v, key_direction, key, roughness, f0) * lit * open;
    c += mirrored(n, v, roughness, f0) * open * open * mix(0.7, 1.0, wet);
    pixel = finish(c * exposure);
}
