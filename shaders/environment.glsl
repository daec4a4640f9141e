// Provides: vec3 environment_at(vec3 r, float blur): the environment map in direction r, in camera space.
// The map is the camera image in a few texels: it is the same on all sides of the head.

uniform sampler2D environment;  // linear, row 0 at the top

const float LIFT = 0.45;  // lamps hang above: without light from there reflections are dull

vec3 environment_at(vec3 r, float blur) {
    vec2 at = vec2(0.5, -0.5) * r.xy / (1.0 + 0.35 * abs(r.z)) + 0.5;
    return textureLod(environment, at, blur).rgb * (0.8 + LIFT * r.y);
}
