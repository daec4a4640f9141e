// Provides: float furriness(vec4), float strand_height(vec3, float), float strand_tint(vec3, float),
// vec4 combed(vec3)
// A strand ends where a shell is above strand_height; noise is sampled at rest positions.

const float CLUMP = 0.17;  // frequency of clumps over that of strands

// 1 fur, 0 skin and cloth; the short fur of lids is between.
float furriness(vec4 surface) {
    return surface.w > 0.5 ? 0.0 : smoothstep(0.0, 0.003, surface.x);
}

float strand_height(vec3 hair, float clump) {
    return hair.r * (0.55 + 0.45 * hair.g) * (0.72 + 0.55 * clump);
}

float strand_tint(vec3 hair, float clump) {
    return mix(0.84, 1.18, hair.g) * mix(0.84, 1.14, clump);
}

// The weights of the channels of the combed noise where hair is combed along `comb`.
vec4 combed(vec3 comb) {
    vec2 side = vec2(0.49, -0.49) * comb.x + 0.872 * comb.y;
    vec4 along = vec4(side, vec2(0.898, -0.898) * comb.z + 0.44 * comb.y);
    along *= along;
    along *= along;
    along *= along;
    return along * inversesqrt(max(dot(along, along), 1e-9));  // keeps the contrast
}
