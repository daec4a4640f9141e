// Draws a surface's texture, unlit.

in vec2 v_uv;
out vec4 pixel;

uniform sampler2D surface;

void main() {
    pixel = texture(surface, v_uv);
}
