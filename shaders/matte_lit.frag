// Draws fur that was lit, toned and encoded at its vertices; strands are noise at the resting place.
// Strands lie along the comb: two looks at the noise, one a little further along, draw them out.

// Perspective within one triangle is not worth its price here.
noperspective in vec4 v_lit;
noperspective in vec3 v_rest, v_strand;
out vec4 pixel;

uniform sampler3D noise;  // alpha holds the shade of a strand

void main() {
    float shade = texture(noise, v_rest).a + texture(noise, v_strand).a - 1.0;
    pixel = vec4(v_lit.rgb * (1.0 + 0.28 * v_lit.a * shade), 1.0);
}
