// Interpolates fur that was lit, tone-mapped and encoded per vertex; strands are noise at rest positions.

#include "inside.glsl"

// Perspective correction within one triangle is not worth its cost here.
noperspective in vec4 v_lit, v_combed;
noperspective in vec3 v_rest;
out vec4 pixel;

uniform sampler3D combed_noise;

void main() {
    float strand = dot(texture(combed_noise, v_rest) - 0.5, v_combed);
    pixel = vec4(v_lit.rgb * ((1.0 + 0.45 * v_lit.a * strand) * side()), 1.0);
}
