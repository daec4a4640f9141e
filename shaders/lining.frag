// Shades the inside of the coat.

in vec4 v_tone;
out vec4 pixel;

void main() {
    pixel = v_tone;
}
