// Provides: vec3 whisker_light(n, color): lights a whisker, which is thin, so light wraps around it
// Needs: light.glsl

vec3 whisker_light(vec3 n, vec3 color) {
    float on = max(0.0, dot(n, key_direction));
    return color * (key * (0.45 + 0.35 * on) + ambient(n));
}
