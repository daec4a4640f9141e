// Provides: vec3 srgb_from_linear(vec3), vec3 linear_from_srgb(vec3), vec3 tone_map(vec3)

vec3 srgb_from_linear(vec3 c) {
    return mix(c * 12.92, 1.055 * pow(max(c, 1e-5), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}

vec3 linear_from_srgb(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}

// A shoulder on the brightest channel: hues are kept, unlike with a curve per channel, and only
// very bright light desaturates.
vec3 tone_map(vec3 c) {
    float peak = max(max(c.r, c.g), max(c.b, 1e-4));
    float mapped = peak < 0.55 ? peak : 0.55 + 0.45 * (1.0 - exp((0.55 - peak) / 0.45));
    vec3 hue = c * (mapped / peak);
    return mix(hue, vec3(mapped), 0.35 * smoothstep(0.8, 2.6, peak));
}
