// Provides: vec4 head_at(vec2), the rendered head, transparent outside its rectangle

uniform sampler2D head;
uniform vec2 head_extent;  // the part of the texture that is used

vec4 head_at(vec2 at) {
    vec2 inside = step(vec2(0.0), at) * step(at, vec2(1.0));
    return texture(head, at * head_extent) * inside.x * inside.y;
}
