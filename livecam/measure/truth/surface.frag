// Draws a surface's own picture, as bright as it is.

in vec2 v_uv;
out vec4 pixel;

uniform sampler2D picture;

void main() {
    pixel = texture(picture, v_uv);
}
