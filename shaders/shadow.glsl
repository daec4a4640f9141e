// Provides: float shadow(), how much of the key reaches this fragment (1 without SHADOW_MAP)

#ifdef SHADOW_MAP
uniform sampler2DShadow shadow_map;
in vec3 v_shadow;

const float SHADOW_STEP = 1.6 / 1024.0;
const float SHADOW_BIAS = 0.0035;

float shadow() {
    float lit = 0.0;
    for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
            vec2 at = v_shadow.xy + vec2(x, y) * SHADOW_STEP;
            lit += textureLod(shadow_map, vec3(at, v_shadow.z - SHADOW_BIAS), 0.0);
        }
    }
    return lit / 9.0;
}
#else
float shadow() {
    return 1.0;
}
#endif
