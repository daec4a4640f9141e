// Provides: the lights, vec3 ambient(n), float key_on(n, wrap), vec3 direction(d), vec3 fur_light(...),
// vec3 through(...), vec3 fur_sheen(...), vec3 fur_rim(...)
// Directions are unit vectors in camera space; the camera is at the origin.

uniform vec3 key_direction, key, fill_direction, fill, rim_direction, rim, sky, ground;
uniform float exposure;

vec3 ambient(vec3 n) {
    return mix(ground, sky, n.y * 0.5 + 0.5);
}

// The key light with wrapped diffuse shading.
float key_on(vec3 n, float wrap) {
    float d = max(0.0, (dot(n, key_direction) + wrap) / (1.0 + wrap));
    return d * (0.7 + 0.3 * d);
}

// Normalises a direction; zero stays zero.
vec3 direction(vec3 d) {
    return d * inversesqrt(max(dot(d, d), 1e-12));
}

// Fresnel term: 0 where the surface faces the camera, 1 at its silhouette. No powers: CPUs run this too.
float grazing(vec3 n, vec3 v) {
    float away = 1.0 - clamp(dot(n, v), 0.0, 1.0);
    return away * away * sqrt(away);
}

// The light on fur; `open` is 0 in a crevice, `lit` 0 in the shadow of the key.
vec3 fur_light(vec3 n, vec3 v, float open, float lit) {
    float fill_on = max(0.0, (dot(n, fill_direction) + 0.45) / 1.45);
    float towards_key = smoothstep(-0.1, 0.25, dot(n, key_direction));
    vec3 key_part = key * key_on(n, 0.35) * mix(1.0, mix(0.12, 1.0, lit), towards_key);
    vec3 soft = fill * fill_on * mix(0.5, 1.0, open) + ambient(n) * open;
    return (key_part + soft) * mix(0.45, 1.0, open) + 0.10 * grazing(n, v) * ambient(n);
}

// Translucency: light from behind a thin part, reddened by subsurface scattering.
vec3 through(vec3 n, float thin) {
    vec3 behind = 0.30 * rim * max(0.0, -dot(n, rim_direction)) + 0.25 * key * max(0.0, -dot(n, key_direction));
    return thin * behind * vec3(1.0, 0.42, 0.28);
}

// Specular light of hair along `lie`: thin cylinders (Kajiya and Kay 1989). Black fur has it too.
vec3 fur_sheen(vec3 n, vec3 v, vec3 lie, vec3 albedo, float open, float lit) {
    float along = dot(lie, normalize(key_direction + v));
    float across = 1.0 - along * along;  // squared sine
    across *= across * across;
    across *= across;  // sixth power
    float on = smoothstep(-0.1, 0.6, dot(n, key_direction)) * lit * open * dot(lie, lie);
    return key * across * across * on * (0.025 + 0.18 * albedo);
}

// Rim light through the tips of the hair.
vec3 fur_rim(vec3 n, vec3 v, vec3 albedo, float open, float tip) {
    float behind = smoothstep(-0.25, 0.65, dot(n, rim_direction));
    return rim * (behind * grazing(n, v) * (0.25 + 0.75 * tip) * mix(0.35, 1.0, open))
        * (0.35 + 0.65 * albedo);
}
