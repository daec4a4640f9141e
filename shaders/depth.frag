// Draws depth only.

void main() {}
