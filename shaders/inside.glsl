// Provides: float side(): the factor of the light on this side of the coat
// The coat is drawn from both sides: through a gap in a head only its dark inside is visible.

const float INSIDE = 0.45;  // of an encoded colour

float side() {
    return gl_FrontFacing ? 1.0 : INSIDE;
}
