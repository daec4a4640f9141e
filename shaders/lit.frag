// Interpolates colours that were lit, tone-mapped and encoded per vertex, without strands.

#include "inside.glsl"

noperspective in vec4 v_lit;
out vec4 pixel;

void main() {
    pixel = vec4(v_lit.rgb * side(), 1.0);
}
