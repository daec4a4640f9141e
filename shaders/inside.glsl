// Provides: float side(): what is left of the light on this side of the coat
// The coat is drawn from both sides: through a gap in a head nobody looks but at its dark inside.

const float INSIDE = 0.45;  // of an encoded colour

float side() {
    return gl_FrontFacing ? 1.0 : INSIDE;
}
