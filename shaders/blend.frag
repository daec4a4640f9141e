// Blends a head and its shadow over the image; the framebuffer blends in linear light.
// The output is premultiplied linear colour and the alpha that covers the image.

#include "head_at.glsl"

in vec2 v_uv;
out vec4 pixel;

uniform sampler2D dark;
uniform vec4 head_from_region;  // scale, offset
uniform vec2 texel;  // a pixel of the image, in the head's texture: the radius of the soft edge
uniform float blur;  // px, deviation of the camera's blur
uniform vec2 streak;  // px, motion of the head while the shutter is open
uniform vec2 strength;  // of the cast shadow, of the contact shadow
uniform sampler2D catcher;  // mask of what the shadow may darken
uniform vec4 catcher_from_region;  // scale, offset
uniform vec2 fade;  // where the shadow begins and has full strength, in the region

const int TAPS = 32;

// Four samples at the edge; where the camera blurs more, or the head moved, a spiral of samples
// whose radii are the quantiles of a Gaussian, jittered along the streak.
vec4 blurred_head_at(vec2 at) {
    vec2 r = texel * 0.35;
    if (blur <= 0.0 && streak == vec2(0.0)) {
        return 0.25 * (head_at(at + r) + head_at(at - r)
                     + head_at(at + vec2(r.x, -r.y)) + head_at(at + vec2(-r.x, r.y)));
    }
    vec4 sum = vec4(0.0);
    for (int i = 0; i < TAPS; ++i) {
        float part = (float(i) + 0.5) / float(TAPS);
        float angle = 2.39996323 * float(i);  // the golden angle
        vec2 off = sqrt(blur * blur + 0.06) * sqrt(-2.0 * log(1.0 - part)) * vec2(cos(angle), sin(angle));
        off += streak * (fract(float(i) * 0.75487767) - 0.5);  // uncorrelated with that angle
        sum += head_at(at + texel * off);
    }
    return sum / float(TAPS);
}

void main() {
    vec2 at = v_uv * head_from_region.xy + head_from_region.zw;
    vec4 over = blurred_head_at(at);
    vec2 shades = texture(dark, v_uv).rg * strength;
    float shade = min(0.9, max(shades.x, shades.y)) * clamp((v_uv.y - fade.x) / (fade.y - fade.x), 0.0, 1.0);
    shade *= texture(catcher, v_uv * catcher_from_region.xy + catcher_from_region.zw).r;
    pixel = vec4(over.rgb, 1.0 - (1.0 - over.a) * (1.0 - shade));
    if (pixel.a <= 0.0) {
        discard;
    }
}
