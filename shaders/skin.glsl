// Provides: vec3 skin_light(...), the shaded colour of skin with approximate subsurface scattering

#include "light.glsl"
#include "mirror.glsl"

// Red light scatters farthest under the skin, so the terminator is wider and redder.
const vec3 WRAP = vec3(0.42, 0.24, 0.18);

// `surface`: in place of the fur's length, how wet: 0.004 and more is a frog's; then openness.
vec3 skin_light(vec3 n, vec3 v, vec3 albedo, vec4 surface, float thin, float lit) {
    float open = surface.y, wet = clamp(surface.x / 0.004, 0.0, 1.0);
    vec3 own = albedo / max(max(albedo.r, albedo.g), max(albedo.b, 0.05));
    vec3 wrap = WRAP * mix(own, vec3(1.0), 0.4);
    vec3 on = clamp((dot(n, key_direction) + wrap) / (1.0 + wrap), 0.0, 1.0);
    float fill_on = max(0.0, (dot(n, fill_direction) + 0.45) / 1.45);
    // In occluded folds light has bounced off skin before: they are red, not grey.
    vec3 sky_on = mix(open * own, vec3(1.0), open) * open;
    vec3 c = albedo * (key * on * mix(vec3(0.30, 0.22, 0.20), vec3(1.0), lit) * mix(0.55, 1.0, open)
                        + fill * fill_on * open + ambient(n) * sky_on);
    c += fur_rim(n, v, albedo, open, 0.35);
    c += (0.3 + 0.7 * albedo) * through(n, thin);
    float roughness = mix(0.52, 0.20, wet);
    vec3 f0 = vec3(mix(0.03, 0.05, wet));
    c += lobe(n, v, key_direction, key, roughness, f0) * lit * open;
    c += mirrored(n, v, roughness, f0) * open * open * mix(0.7, 1.0, wet);
    return c;
}
