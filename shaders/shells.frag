// Shades one fur shell; discards where no strand reaches that height.
// A strand fades over half a shell; a hard end would be a row of dots.
// COVERAGE: alpha to coverage; without it alpha is tested.

#include "finish.glsl"
#include "strand.glsl"

in vec3 v_rest, v_base, v_rim;
in vec2 v_fur;
out vec4 pixel;

uniform sampler3D noise;
uniform float shells;

#ifdef COVERAGE
const float LEAST_COVERAGE = 0.1;
#else
const float LEAST_COVERAGE = 0.5;
#endif

void main() {
    vec3 hair = texture(noise, v_rest).rgb;
    float clump = texture(noise, v_rest * CLUMP + 0.3).b;
    float above = strand_height(hair, clump) - (v_fur.x * 0.86 + 0.02);
    float coverage = above / max(fwidth(above), 0.5 / shells) + 0.5;
    if (v_fur.y < 0.0002 || coverage < LEAST_COVERAGE) {
        discard;
    }
    pixel = finish(v_base * strand_tint(hair, clump) + v_rim);
#ifdef COVERAGE
    pixel.a = min(coverage, 1.0);
#endif
}
