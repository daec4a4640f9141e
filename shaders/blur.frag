// Blurs two channels along one axis, each with a Gaussian of its own width.

in vec2 v_uv;
out vec4 pixel;

uniform sampler2D source;
uniform vec2 axis;  // one texel along the axis
uniform vec2 sigma;  // in texels

const int REACH = 24;

void main() {
    vec2 sum = vec2(0.0), weights = vec2(0.0);
    for (int i = -REACH; i <= REACH; ++i) {
        vec2 weight = exp(-0.5 * float(i * i) / (sigma * sigma));
        sum += weight * texture(source, v_uv + float(i) * axis).rg;
        weights += weight;
    }
    pixel = vec4(sum / weights, 0.0, 1.0);
}
