// Provides: vec3 coat_light(...), the shaded colour of fur at one vertex

#include "light.glsl"

uniform vec4 head_ball;  // centre in camera space, radius: casts the soft shadow on the ruff

// Visibility of the key light beside a ball: 1 outside its shadow, soft at the edge.
float past_ball(vec3 p) {
    vec3 to_ball = head_ball.xyz - p;
    float along = dot(to_ball, key_direction);
    float aside = sqrt(max(0.0, dot(to_ball, to_ball) - along * along));
    float shade = smoothstep(1.15 * head_ball.w, 0.55 * head_ball.w, aside);
    return 1.0 - shade * smoothstep(0.0, head_ball.w, along);
}

// Visibility of the sky beside a ball.
float open_under_ball(vec3 p, vec3 n) {
    vec3 to_ball = head_ball.xyz - p;
    float distance2 = dot(to_ball, to_ball);
    float facing = clamp(0.5 + 0.5 * dot(n, to_ball) * inversesqrt(distance2), 0.0, 1.0);
    return 1.0 - 0.9 * facing * min(1.0, head_ball.w * head_ball.w / distance2);
}

// `lie`: direction of the strands, not of unit length; `follows`: 1 on the head .. 0 on the body.
vec3 coat_light(vec3 p, vec3 n, vec3 albedo, vec3 lie, float open, float follows, float furry) {
    vec3 v = normalize(-p);
    float below = 1.0 - follows;
    open *= mix(1.0, open_under_ball(p, n), below);
    float lit = mix(1.0, past_ball(p), below);
    vec3 c = albedo * fur_light(n, v, open, lit) * mix(1.0, 0.86, furry);
    c += fur_rim(n, v, albedo, open, 0.6 * furry);
    return c + furry * fur_sheen(n, v, direction(lie), albedo, open, lit);
}
