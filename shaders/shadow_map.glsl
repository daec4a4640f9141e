// Provides: float shadow_at(vec3), visibility of the key light at a point in shadow map space, 0..1

uniform sampler2DShadow shadow_map;

const float SHADOW_STEP = 1.6 / 1024.0;
const float SHADOW_BIAS = 0.0035;

float shadow_at(vec3 place) {
    float lit = 0.0;
    for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
            vec2 at = place.xy + vec2(x, y) * SHADOW_STEP;
            lit += textureLod(shadow_map, vec3(at, place.z - SHADOW_BIAS), 0.0);
        }
    }
    return lit / 9.0;
}
