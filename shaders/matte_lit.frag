// Draws fur that was lit at its vertices: strands are noise at the resting place, so they never swim.

#include "finish.glsl"

in vec4 v_lit;
in vec3 v_rest;
out vec4 pixel;

uniform sampler3D noise;  // strand profile, one number per strand, smooth
uniform float strand_density;  // repeats of the noise in a metre

void main() {
    vec3 hair = texture(noise, v_rest * strand_density).rgb;
    float shade = 0.55 * (hair.r - 0.60) + 0.20 * (hair.g - 0.5) + 0.5 * (hair.b - 0.5);
    pixel = finish(v_lit.rgb * (1.0 + v_lit.a * shade));
}
