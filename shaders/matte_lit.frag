// Draws fur that was lit, toned and encoded at its vertices; strands are noise at the resting place.
// Strands lie along the comb: two looks at the noise, one a little further along, draw them out.

in vec4 v_lit;
in vec3 v_rest, v_strand;
out vec4 pixel;

uniform sampler3D noise;  // strand profile, one number per strand, smooth

void main() {
    vec3 hair = 0.5 * (texture(noise, v_rest).rgb + texture(noise, v_strand).rgb);
    float shade = dot(hair, vec3(0.50, 0.22, 0.16)) - 0.52;
    pixel = vec4(v_lit.rgb * (1.0 + 0.5 * v_lit.a * shade), 1.0);
}
