// Shades glossy surfaces: one of NOSE, MOUTH, HARD, HAIR and GLASS is defined. Separate programs,
// because a software renderer runs every branch.

#include "light.glsl"
#include "mirror.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

uniform mat4 camera_from_head;
uniform sampler3D noise;
uniform float mouth_open;  // 0 shut .. 1

const float TEETH = 4.0, METAL = 9.0;

struct Shading {
    float roughness, metal, reflectance, wrap;  // wrap: how far diffuse light wraps around the terminator
    vec3 through;  // transmission, for translucent materials
};

Shading shading() {
#if defined(NOSE)
    return Shading(0.50, 0.0, 0.022, 0.10, vec3(0.075, 0.020, 0.014));  // subsurface red at its edges
#elif defined(HAIR)
    return Shading(0.55, 0.0, 0.03, 0.30, vec3(0.0));
#elif defined(MOUTH)
    float tooth = step(TEETH - 0.5, v_surface.w);
    return Shading(mix(0.30, 0.16, tooth), 0.0, mix(0.035, 0.05, tooth), 0.37,
                   mix(vec3(0.30, 0.05, 0.04), vec3(0.10, 0.08, 0.05), tooth));
#else
    float metal = step(METAL - 0.5, v_surface.w);
    return Shading(mix(0.34, 0.26, metal), metal, mix(0.045, 0.0, metal), mix(0.20, 0.0, metal),
                   mix(vec3(0.06, 0.05, 0.03), vec3(0.0), metal));
#endif
}

#ifdef HAIR
#include "hair.glsl"
#endif

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
#ifdef GLASS
    // Thin, so both faces reflect; what it tints is already drawn.
    vec3 f0 = vec3(0.06);
    vec3 c = mirrored(n, v, 0.05, f0) + lobe(n, v, key_direction, key, 0.12, f0);
    // The colour is its transmission.
    float tint = max(0.08, 1.0 - dot(v_color, vec3(1.0 / 3.0))) + 0.30 * grazing(n, v);
    tint = min(tint, 1.0);
    c = finish((c + v_color * ambient(n) * tint) * exposure).rgb;
    // Reflections add light and cover little.
    pixel = vec4(c, max(tint, 0.5 * max(c.r, max(c.g, c.b))));
#else
    Shading m = shading();
    float open = v_surface.y, lit = shadow(), roughness = m.roughness;
    vec3 albedo = v_color;
#if defined(NOSE)
    n = normalize(n + (texture(noise, v_rest * 85.0).gbr - 0.5) * 0.14);  // pores
#elif defined(HAIR)
    // Stretched along the hair, for strands instead of blotches.
    vec3 lie = direction(v_comb), rest_lie = direction(lie * mat3(camera_from_head));
    vec3 across = (v_rest - 0.94 * rest_lie * dot(v_rest, rest_lie)) * 75.0;
    float strand = 0.5 * (texture(noise, across).b + texture(noise, across * 0.31).b) - 0.5;
    n = normalize(n + 0.35 * strand * cross(n, lie));
    albedo *= 1.0 + 0.55 * strand;
#elif defined(MOUTH)
    // A shut mouth is dark inside; light enters as it opens.
    open *= mix(open, 1.0, mouth_open);
#else
    roughness += 0.2 * (1.0 - m.metal) * (texture(noise, v_rest * vec3(50.0, 11.0, 50.0)).b - 0.5);
#endif
    vec3 f0 = mix(vec3(m.reflectance), albedo, m.metal);
    float shade = mix(0.25, 1.0, lit), specular = open * mix(0.35, 1.0, lit);
    vec3 light = (key * key_on(n, m.wrap) * shade + 0.35 * fill + ambient(n)) * open;
    light += m.through * key * open * (0.5 - 0.5 * dot(n, key_direction));
#ifdef NOSE  // red light wraps further than blue
    light += key * vec3(0.20, 0.045, 0.03) * (key_on(n, 0.55) - key_on(n, 0.10)) * shade * open;
    light += rim * vec3(0.30, 0.08, 0.05) * max(0.0, -dot(n, rim_direction)) * grazing(n, v) * open;
#endif
    vec3 c = albedo * light * (1.0 - m.metal);
#ifdef HAIR
    c += key * hair_gloss(n, v, lie, strand, key_direction, v_color) * specular;
    c += fur_rim(n, v, albedo, open, 0.8);
#else
    c += lobe(n, v, key_direction, key, roughness, f0) * specular;
#endif
#ifdef HARD
    c += lobe(n, v, rim_direction, rim, roughness, f0) * open;
#endif
#ifdef NOSE  // a film of water over the leather
    vec3 film = normalize(mix(n, normalize(v_normal), 0.7));
    c += 0.8 * lobe(film, v, key_direction, key, 0.21, vec3(0.04)) * specular;
    c += 1.3 * mirrored(film, v, 0.14, vec3(0.035)) * open;
#else
    c += mirrored(n, v, roughness, f0) * open * open;
#endif
    pixel = finish(c * exposure);
#endif
}
