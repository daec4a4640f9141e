// Provides: vec3 lobe(...), vec3 mirrored(...): reflections of glTF's metallic-roughness model

#include "environment.glsl"

const float MAX_BLUR = 2.4;  // level of detail at roughness 1
const float KEY_SIZE = 0.12;  // minimum roughness: lamps are not points

// The highlight of a lamp. GGX, its visibility by Hammon 2017, Schlick's Fresnel by a square of squares.
vec3 lobe(vec3 n, vec3 v, vec3 to_lamp, vec3 lamp, float roughness, vec3 f0) {
    vec3 h = normalize(to_lamp + v);
    float nl = max(dot(n, to_lamp), 0.0), nv = max(dot(n, v), 0.05), nh = max(dot(n, h), 0.0);
    float a = max(roughness, KEY_SIZE), away = 1.0 - max(dot(v, h), 0.0);
    a *= a;
    float d = nh * nh * (a * a - 1.0) + 1.0;
    float visibility = 0.5 / mix(2.0 * nl * nv, nl + nv, a);
    float away2 = away * away;
    return lamp * (nl * visibility * a * a / max(d * d, 1e-6)) * (f0 + (1.0 - f0) * (away2 * away2 * away));
}

// The reflection of the environment; Karis's fit of the GGX split sum (2014).
vec3 mirrored(vec3 n, vec3 v, float roughness, vec3 f0) {
    float nv = max(dot(n, v), 0.0);
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float fall = min(r.x * r.x, exp2(-9.28 * nv)) * r.x + r.y;
    vec2 back = vec2(-1.04, 1.04) * fall + r.zw;
    return environment_at(reflect(-v, n), roughness * MAX_BLUR) * (f0 * back.x + back.y);
}
