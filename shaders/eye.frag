// Shades an eye: a wet ball with a clear, bulging cornea over a sunken iris of fibres.

#include "light.glsl"
#include "mirror.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

uniform mat4 camera_from_head;
uniform sampler3D noise;
uniform vec3 iris_inner, iris_outer;
uniform vec2 iris;  // sine of half its angle, radius of the pupil over its own

const float DEPTH = 0.30;  // of the iris under the cornea, in radii of the eye
const float BULGE = 0.38;  // curvature of the cornea over that of the ball, minus 1
const float ETA = 1.0 / 1.336;  // refractive index of air over that of the cornea

// Rotates u as `from` is rotated to `to`; all are unit vectors.
vec3 turned_along(vec3 u, vec3 from, vec3 to) {
    vec3 both = from + to;
    return u - both * (dot(both, u) / max(1.0 + dot(from, to), 1e-3)) + 2.0 * dot(from, u) * to;
}

// The colour of the iris at a point of its disc; `from_key` is the direction of the key light there.
vec3 iris_color(vec2 at, vec2 from_key) {
    float r = length(at);
    vec2 spoke = at / max(r, 1e-4);
    float fine = texture(noise, vec3(spoke * 2.3, r * 0.20)).b;
    float coarse = texture(noise, vec3(spoke * 0.8, 0.4 + r * 0.10)).b;
    float fibre = 0.55 * fine + 0.45 * coarse;
    // Fibres run outwards from a ragged collar around the pupil.
    float collar_at = iris.y + 0.13 + 0.10 * (coarse - 0.5);
    vec3 c = mix(iris_inner, iris_outer, smoothstep(0.45, 1.0, r)) * (0.42 + 1.15 * fibre);
    c = mix(c, iris_inner * 1.7 + 0.05, 0.5 * smoothstep(collar_at + 0.05, collar_at - 0.05, r));
    // Caustic: light that enters on one side gathers on the other.
    float gathered = smoothstep(-0.9, 1.0, -dot(spoke, from_key) * r);
    c *= 0.50 + 1.80 * gathered * gathered;
    c *= mix(1.0, 0.07, smoothstep(0.76, 1.0, r + 0.06 * (fine - 0.5)));  // limbal ring
    return mix(c, vec3(0.002), smoothstep(iris.y + 0.035, iris.y - 0.035, r + 0.03 * (fine - 0.5)));
}

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position);
    mat3 head_from_camera = transpose(mat3(camera_from_head));
    float scale = inversesqrt(dot(camera_from_head[0].xyz, camera_from_head[0].xyz));
    vec3 head_n = head_from_camera * n * scale;

    // In eye space the axis of the iris is z; d is this point of the ball.
    vec3 d = normalize(head_from_camera * v_comb);
    vec3 eye_v = turned_along(head_from_camera * v * scale, head_n, d);
    vec3 eye_key = turned_along(head_from_camera * key_direction * scale, head_n, d);
    float out_r = length(d.xy) / iris.x;
    float inside = step(0.0, d.z) * smoothstep(1.05, 0.95, out_r);
    float bulge = BULGE * step(0.0, d.z) * smoothstep(1.25, 0.75, out_r);
    vec3 eye_n = normalize(vec3(d.xy * (1.0 + bulge), d.z));
    vec3 ray = -refract(-eye_v, eye_n, ETA);
    float under = DEPTH * max(0.0, 1.0 - out_r * out_r);
    vec2 iris_at = (d.xy - ray.xy * (under / max(ray.z, 0.35))) / iris.x;
    vec3 cornea = normalize(n + (eye_n - d).x * camera_from_head[0].xyz * scale
                              + (eye_n - d).y * camera_from_head[1].xyz * scale);

    float lid = mix(1.0, 0.16, smoothstep(0.12, 0.64, head_n.y))
              * mix(1.0, 0.60, smoothstep(-0.25, -0.7, head_n.y))
              * mix(1.0, 0.50, smoothstep(0.45, 0.8, abs(head_n.x)));
    float lit = mix(0.35, 1.0, shadow());
    vec3 on = max(vec3(0.0), (dot(n, key_direction) + vec3(0.42, 0.30, 0.26)) / 1.33);
    vec3 light = key * on * lit
               + fill * max(0.0, dot(n, fill_direction) * 0.5 + 0.5) + ambient(n);
    vec3 white = mix(vec3(0.84, 0.83, 0.82), vec3(0.72, 0.52, 0.48), smoothstep(0.55, 1.0, length(d.xy)));
    white *= mix(1.0, 0.72, smoothstep(1.22, 1.0, out_r) * step(0.0, d.z));  // shade of the limbal ring
    vec2 from_key = normalize(eye_key.xy + vec2(0.0, 0.5));
    vec3 c = white * light * 0.85;
    if (inside > 0.0) {
        c = mix(c, iris_color(iris_at, from_key) * (light * 1.30 + 0.12), inside);
    }
    c *= lid;

    // The reflected environment; then a window above, and a small second light low on the other side.
    vec3 r = reflect(-v, cornea);
    float facing = max(0.0, dot(cornea, v)), away = 1.0 - facing;
    float fresnel = 0.045 + 0.6 * away * away * away * away;
    c += environment_at(r, 0.0) * fresnel * mix(0.25, 1.0, lid);
    vec3 across = normalize(cross(key_direction, vec3(0.0, 1.0, 0.0)));
    vec3 up = cross(across, key_direction);
    vec2 w = abs(vec2(dot(r, across), dot(r, up)));
    float pane = smoothstep(0.20, 0.15, 1.25 * length(max(w - vec2(0.12, 0.14), 0.0)));
    c += 1.6 * pane * step(0.0, dot(r, key_direction));
    vec3 kicker = normalize(vec3(-1.1 * key_direction.x, -0.62, 0.75));
    float second = smoothstep(0.955, 0.995, dot(r, kicker));
    c += second * (1.2 * fill + 0.10 * environment_at(kicker, 1.0));
    pixel = finish(c * exposure);
}
