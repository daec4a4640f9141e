// Shades a fur fin; discards where no strand reaches that height.

noperspective in vec3 v_lit, v_rest;
noperspective in float v_height;
out vec4 pixel;

uniform sampler3D noise;

void main() {
    vec4 hair = texture(noise, v_rest);
    if (hair.r * (0.55 + 0.45 * hair.g) < v_height) {
        discard;
    }
    pixel = vec4(v_lit * (0.86 + 0.26 * hair.g), 1.0);
}
