// Draws one shell of fur: only where strands reach that high.

#include "finish.glsl"
#include "strand.glsl"

in vec3 v_rest, v_base, v_rim;
in vec2 v_fur;
out vec4 pixel;

uniform sampler3D noise;

void main() {
    vec3 hair = texture(noise, v_rest).rgb;
    float clump = texture(noise, v_rest * CLUMP + 0.3).b;
    if (v_fur.y < 0.0002 || strand_height(hair, clump) < v_fur.x * 0.86 + 0.02) {
        discard;
    }
    pixel = finish(v_base * strand_tint(hair, clump) + v_rim);
}
