// Places a vertex of a head; VERTEX_LIT also lights it, SHADOW_MAP asks the shadow map, THIN keeps
// it visible when it is thinner than a pixel.
// Vertices between head and body follow both by their weight.

#include "place.glsl"
#include "light.glsl"
#include "finish.glsl"
#include "strand.glsl"

in vec3 position, normal, rest, color, comb;
in vec4 surface;  // fur length in metres, openness, head weight, material

uniform mat4 clip_from_camera;

#ifdef VERTEX_LIT
uniform vec4 head_ball;  // centre in camera space, radius: casts the soft shadow on the ruff
uniform float strand_density;  // repeats of the noise in a metre
noperspective out vec4 v_lit;  // the finished colour, how furry
noperspective out vec3 v_rest, v_strand;  // in repeats of the noise, the second further along

const float STRAND = 0.06;  // that much further

// How much of the key passes a ball: 1 outside its shadow, soft at the edge.
float past_ball(vec3 p) {
    vec3 to_ball = head_ball.xyz - p;
    float along = dot(to_ball, key_direction);
    float aside = sqrt(max(0.0, dot(to_ball, to_ball) - along * along));
    float shade = smoothstep(1.15 * head_ball.w, 0.55 * head_ball.w, aside);
    return 1.0 - shade * smoothstep(0.0, head_ball.w, along);
}

// How much of the sky a ball leaves open.
float open_under_ball(vec3 p, vec3 n) {
    vec3 to_ball = head_ball.xyz - p;
    float distance2 = dot(to_ball, to_ball);
    float facing = clamp(0.5 + 0.5 * dot(n, to_ball) * inversesqrt(distance2), 0.0, 1.0);
    return 1.0 - 0.9 * facing * min(1.0, head_ball.w * head_ball.w / distance2);
}
#else
out vec3 v_position, v_normal, v_rest, v_color, v_comb;
out vec4 v_surface;
#endif

#ifdef THIN
uniform float pixel_m;  // a drawn pixel at the head's distance
const float LEAST_RADIUS = 0.4;  // pixels
#endif

#ifdef SHADOW_MAP
uniform mat4 shadow_from_camera;
out vec3 v_shadow;
#endif

void main() {
    float follows = surface.z;
    vec3 p = placed(position, follows), n = turned(normal, follows);
#ifdef THIN
    p += n * (LEAST_RADIUS * pixel_m);  // or it would break into dots
#endif
    gl_Position = clip_from_camera * vec4(p, 1.0);
#ifdef VERTEX_LIT
    vec3 v = normalize(-p);
    float furry = furriness(surface);
    float below = 1.0 - follows;
    float open = surface.y * mix(1.0, open_under_ball(p, n), below);
    float lit = mix(1.0, past_ball(p), below);
    vec3 lie = direction(mat3(camera_from_head) * comb);
    vec3 light = fur_light(n, v, open, lit);
    v_lit = vec4(color * light * mix(1.0, 0.86, furry), furry);
    v_lit.rgb += fur_rim(n, v, color, open, 0.6 * furry);
    v_lit.rgb += furry * fur_sheen(n, v, lie, color, open, lit);
    v_lit.rgb = finish(v_lit.rgb * exposure).rgb;
    v_rest = rest * strand_density;
    v_strand = v_rest + comb * STRAND;
#else
    v_rest = rest;
    v_position = p;
    v_normal = n;
    v_color = color;
    v_comb = mat3(camera_from_head) * comb;
    v_surface = surface;
#endif
#ifdef SHADOW_MAP
    // Pushed out along the normal, so that a surface does not shade itself.
    v_shadow = (shadow_from_camera * vec4(p + n * 0.003, 1.0)).xyz * 0.5 + 0.5;
#endif
}
