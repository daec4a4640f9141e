// Projects a textured surface given in camera space.

in vec3 in_position;
in vec2 in_uv;
out vec2 v_uv;

uniform mat4 clip_from_camera;

void main() {
    v_uv = in_uv;
    gl_Position = clip_from_camera * vec4(in_position, 1.0);
}
