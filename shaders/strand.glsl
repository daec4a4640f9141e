// Provides: float strand_height(vec4 noise, float clump) and float strand_tint(noise, clump)
// A strand ends where the shell's height passes strand_height; both are the same at the resting place.

const float CLUMP = 0.17;  // clumps of hair are that much coarser than strands

float strand_height(vec3 hair, float clump) {
    return hair.r * (0.55 + 0.45 * hair.g) * (0.72 + 0.55 * clump);
}

float strand_tint(vec3 hair, float clump) {
    return mix(0.84, 1.18, hair.g) * mix(0.84, 1.14, clump);
}
