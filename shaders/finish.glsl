// Provides: vec4 finish(vec3 light): an opaque pixel of the head, tone-mapped before multisample resolve
// ENCODED: the target has 8 bits and holds sRGB; otherwise it holds linear half floats.

#include "color.glsl"

vec4 finish(vec3 light) {
    vec3 toned = clamp(tone_map(light), 0.0, 1.0);
#ifdef ENCODED
    // srgb_from_linear within half a step of 8 bits, from three square roots
    // (Eric Chilliant's fit), because a power is slow on a CPU.
    vec3 a = sqrt(toned), b = sqrt(a), c = sqrt(b);
    toned = max(vec3(0.0), 0.662002687 * a + 0.684122060 * b - 0.323583601 * c - 0.0225411470 * toned);
#endif
    return vec4(toned, 1.0);
}
