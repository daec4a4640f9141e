// Converts an image to I420, BT.709 limited range: one byte a pixel, Y rows, then U, then V.
// Both chroma planes have half the width, so that two of their rows fill one row here.
#include "color.glsl"

out vec4 pixel;

uniform sampler2D image;
uniform vec2 size;  // of the image

const vec3 LUMA = vec3(0.2126, 0.7152, 0.0722);

vec3 encoded(ivec2 at) { return srgb_from_linear(texelFetch(image, at, 0).rgb); }

void main() {
    vec2 at = floor(gl_FragCoord.xy);
    if (at.y < size.y) {
        float y = dot(LUMA, encoded(ivec2(at)));
        pixel = vec4((16.0 + 219.0 * y) / 255.0);
        return;
    }
    float plane = size.x * size.y * 0.25;
    float index = (at.y - size.y) * size.x + at.x;
    bool is_v = index >= plane;
    index -= is_v ? plane : 0.0;
    float half_width = size.x * 0.5;
    float row = floor((index + 0.5) / half_width);
    ivec2 corner = 2 * ivec2(index - row * half_width, row);
    vec3 c = 0.25 * (encoded(corner) + encoded(corner + ivec2(1, 0))
                     + encoded(corner + ivec2(0, 1)) + encoded(corner + ivec2(1, 1)));
    float y = dot(LUMA, c);
    float chroma = is_v ? (c.r - y) / 1.5748 : (c.b - y) / 1.8556;
    pixel = vec4((128.0 + 224.0 * chroma) / 255.0);
}
