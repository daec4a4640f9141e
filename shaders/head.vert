// Skins and projects a vertex of a head; VERTEX_LIT also lights it, SHADOW_MAP projects it into the
// shadow map, THIN keeps geometry visible that is thinner than a pixel.

#include "place.glsl"
#include "coat.glsl"
#include "finish.glsl"
#include "strand.glsl"
#if defined(VERTEX_LIT) && defined(SKIN)
#include "skin.glsl"
#elif defined(VERTEX_LIT) && defined(WHISKER)
#include "whisker.glsl"
#elif defined(VERTEX_LIT) && defined(HAIR)
#include "hair.glsl"
#endif

in vec3 position, normal, rest, color, comb;
in vec4 surface;  // fur length in metres, ambient occlusion, head weight, material

uniform mat4 clip_from_camera;

#ifdef VERTEX_LIT
uniform float strand_density;  // repeats of the noise in a metre
noperspective out vec4 v_lit;  // the encoded colour, how furry
noperspective out vec3 v_rest;  // in repeats of the noise
noperspective out vec4 v_combed;

#else
out vec3 v_position, v_normal, v_rest, v_color, v_comb;
out vec4 v_surface;
out float v_thin;
#endif

#ifdef THIN
uniform float pixel_m;  // size of a rendered pixel at the head's distance
const float MIN_RADIUS = 0.4;  // pixels
#endif

#ifdef SHADOW_MAP
uniform mat4 shadow_from_camera;
out vec3 v_shadow;
#endif

void main() {
    float follows = surface.z;
    vec3 p = placed(position, follows), n = turned(normal, follows);
#ifdef THIN
    p += n * (MIN_RADIUS * pixel_m);  // or it would break into dots
#endif
    gl_Position = clip_from_camera * vec4(p, 1.0);
#ifdef VERTEX_LIT
#if defined(SKIN)
    v_lit = vec4(finish(skin_light(n, normalize(-p), color, surface, bone.z, 1.0) * exposure).rgb, 0.0);
#elif defined(WHISKER)
    v_lit = vec4(finish(whisker_light(n, color) * exposure).rgb, 0.0);
#elif defined(HAIR)
    vec3 v = normalize(-p), lie = direction(mat3(camera_from_head) * comb);
    float open = surface.y;
    vec3 light = color * (key * key_on(n, 0.3) + 0.35 * fill + ambient(n)) * open;
    light += key * open * hair_gloss(n, v, lie, 0.0, key_direction, color) + fur_rim(n, v, color, open, 0.8);
    v_lit = vec4(finish(light * exposure).rgb, 0.8);
    v_rest = rest * strand_density;
    v_combed = combed(comb);
#else
    float furry = furriness(surface);
    vec3 lie = mat3(camera_from_head) * comb;
    vec3 light = coat_light(p, n, color, lie, surface.y, follows, furry);
    light += (0.3 + 0.7 * color) * through(n, bone.z);
    v_lit = vec4(finish(light * exposure).rgb, furry);
    v_rest = rest * strand_density;
    v_combed = combed(comb);
#endif
#else
    v_rest = rest;
    v_position = p;
    v_normal = n;
    v_color = color;
    v_comb = mat3(camera_from_head) * comb;
    v_surface = surface;
    v_thin = bone.z;
#endif
#ifdef SHADOW_MAP
    // Offset along the normal against shadow acne.
    v_shadow = (shadow_from_camera * vec4(p + n * 0.003, 1.0)).xyz * 0.5 + 0.5;
#endif
}
