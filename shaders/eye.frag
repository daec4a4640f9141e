// Draws an eye: iris behind a clear cornea, limbal ring, fibres, caustic, window, lid shadow.

#include "light.glsl"
#include "finish.glsl"
#include "shadow.glsl"

in vec3 v_position, v_normal, v_rest, v_color, v_comb;
in vec4 v_surface;
out vec4 pixel;

uniform mat4 camera_from_head;
uniform sampler3D noise;
uniform vec3 iris_inner, iris_outer;
uniform vec2 iris;  // sine of half its angle, radius of the pupil over its own

const float DEPTH = 0.16;  // of the iris under the cornea, over its radius

// The iris at a place on its disc; `towards_key` is the key light in the eye's own space.
vec3 iris_color(vec2 at, vec2 towards_key) {
    float r = length(at);
    vec2 spoke = at / max(r, 1e-4);
    float fibre = 0.5 * texture(noise, vec3(spoke * 0.9, r * 0.14)).g
                + 0.5 * texture(noise, vec3(spoke * 2.1, r * 0.52)).b;
    vec3 c = mix(iris_inner, iris_outer, smoothstep(0.50, 1.0, r)) * (0.60 + 0.75 * fibre);
    float collar = smoothstep(iris.y + 0.12, iris.y - 0.02, r);
    c = mix(c, iris_inner * 1.6 + 0.06, collar * 0.45);
    // Light that enters on one side gathers on the other.
    float gathered = smoothstep(-0.9, 1.0, -dot(spoke, normalize(towards_key)) * r);
    c *= 0.50 + 1.70 * gathered * gathered;
    c *= mix(1.0, 0.10, smoothstep(0.78, 1.0, r));
    return mix(c, vec3(0.003), smoothstep(iris.y + 0.03, iris.y - 0.03, r));
}

void main() {
    vec3 n = normalize(v_normal), v = normalize(-v_position), r = reflect(-v, n);
    mat3 head_from_camera = transpose(mat3(camera_from_head));
    float scale = inversesqrt(dot(camera_from_head[0].xyz, camera_from_head[0].xyz));
    vec3 head_n = head_from_camera * n * scale;
    vec3 head_v = head_from_camera * v * scale;
    vec3 head_key = head_from_camera * key_direction * scale;

    vec3 d = normalize(head_from_camera * v_comb);
    vec2 at = d.xy / iris.x;
    float inside = step(0.0, d.z) * smoothstep(1.04, 0.96, length(at));
    vec2 seen = at - head_v.xy * DEPTH * inside;
    vec3 white = mix(vec3(0.86, 0.84, 0.82), vec3(0.74, 0.55, 0.50), smoothstep(0.5, 1.0, length(d.xy)));

    float lid = mix(1.0, 0.20, smoothstep(0.10, 0.62, head_n.y))
              * mix(1.0, 0.65, smoothstep(-0.25, -0.7, head_n.y))
              * mix(1.0, 0.55, smoothstep(0.45, 0.8, abs(head_n.x)));
    float lit = mix(0.35, 1.0, shadow());
    vec3 light = key * max(0.0, (dot(n, key_direction) + 0.3) / 1.3) * lit
               + fill * max(0.0, dot(n, fill_direction) * 0.5 + 0.5) + ambient(n);
    vec3 colored = iris_color(seen, head_key.xy + vec2(0.0, 0.6));
    vec3 c = mix(white * light * 0.85, colored * (light * 1.30 + 0.12), inside) * lid;

    // A window up there, its frame, and a small second light low on the other side.
    vec3 across = normalize(cross(key_direction, vec3(0.0, 1.0, 0.0)));
    vec3 up = cross(across, key_direction);
    vec2 w = abs(vec2(dot(r, across), dot(r, up)));
    float pane = smoothstep(0.20, 0.15, 1.6 * length(max(w - vec2(0.10, 0.12), 0.0)));
    c += 1.6 * pane * step(0.0, dot(r, key_direction));
    vec3 kicker = normalize(vec3(-1.1 * key_direction.x, -0.62, 0.75));
    c += 1.4 * fill * smoothstep(0.982, 1.0, dot(r, kicker));
    float fresnel = 0.03 + 0.5 * pow(1.0 - max(0.0, dot(n, v)), 5.0);
    c += 0.8 * ambient(r) * fresnel * lid;
    pixel = finish(c * exposure);
}
