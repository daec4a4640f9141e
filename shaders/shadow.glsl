// Provides: float shadow(), visibility of the key light (1 without SHADOW_MAP)

#ifdef SHADOW_MAP
#include "shadow_map.glsl"
in vec3 v_shadow;

float shadow() {
    return shadow_at(v_shadow);
}
#else
float shadow() {
    return 1.0;
}
#endif
