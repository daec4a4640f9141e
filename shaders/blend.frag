// Lays a head and its shadow over the picture; the framebuffer blends in linear light.
// Out comes premultiplied light and how much of the picture is taken away.

#include "head_at.glsl"

in vec2 v_uv;
out vec4 pixel;

uniform sampler2D dark;
uniform vec4 head_from_region;  // scale, offset
uniform vec2 texel;  // of the picture, in the head's texture: the reach of the soft edge
uniform vec2 strength;  // of the cast shadow, of the contact shadow
uniform sampler2D body;  // what may be darkened
uniform vec4 body_from_region;  // scale, offset
uniform vec2 fade;  // where the shadow begins and is whole, in the region

void main() {
    vec2 at = v_uv * head_from_region.xy + head_from_region.zw;
    vec2 r = texel * 0.35;
    vec4 over = 0.25 * (head_at(at + r) + head_at(at - r)
                      + head_at(at + vec2(r.x, -r.y)) + head_at(at + vec2(-r.x, r.y)));
    vec2 shades = texture(dark, v_uv).rg * strength;
    float shade = min(0.9, max(shades.x, shades.y)) * clamp((v_uv.y - fade.x) / (fade.y - fade.x), 0.0, 1.0);
    shade *= texture(body, v_uv * body_from_region.xy + body_from_region.zw).r;
    pixel = vec4(over.rgb, 1.0 - (1.0 - over.a) * (1.0 - shade));
    if (pixel.a <= 0.0) {
        discard;
    }
}
