// Provides: vec3 room_at(vec3 r, float blur): what a mirror sees in direction r, in camera space.
// The room is the camera's own picture, a few texels of it: it goes round the head unchanged.

uniform sampler2D room;  // linear, row 0 at the top

const float LIFT = 0.45;  // lamps hang above: a room with no light from there looks dead

vec3 room_at(vec3 r, float blur) {
    vec2 at = vec2(0.5, -0.5) * r.xy / (1.0 + 0.35 * abs(r.z)) + 0.5;
    return textureLod(room, at, blur).rgb * (0.8 + LIFT * r.y);
}
