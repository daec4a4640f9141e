// Draws a picture as I420, BT.709 limited range: one byte a pixel, Y rows, then U, then V.
// Both planes of colour have half the width, so that two of their rows fill one row here.

out vec4 pixel;

uniform sampler2D picture_srgb;
uniform vec2 size;  // of the picture

const vec3 LUMA = vec3(0.2126, 0.7152, 0.0722);

void main() {
    vec2 at = floor(gl_FragCoord.xy);
    if (at.y < size.y) {
        float y = dot(LUMA, texelFetch(picture_srgb, ivec2(at), 0).rgb);
        pixel = vec4((16.0 + 219.0 * y) / 255.0);
        return;
    }
    float plane = size.x * size.y * 0.25;
    float index = (at.y - size.y) * size.x + at.x;
    bool is_v = index >= plane;
    index -= is_v ? plane : 0.0;
    float half_width = size.x * 0.5;
    float row = floor((index + 0.5) / half_width);
    vec2 corner = 2.0 * vec2(index - row * half_width, row) + 1.0;
    vec3 c = texture(picture_srgb, corner / size).rgb;  // between four pixels: their mean
    float y = dot(LUMA, c);
    float chroma = is_v ? (c.r - y) / 1.5748 : (c.b - y) / 1.8556;
    pixel = vec4((128.0 + 224.0 * chroma) / 255.0);
}
