// Places a vertex in the shadow map.

in vec3 position;
in vec4 surface;

uniform mat4 shadow_from_camera, camera_from_head, camera_from_body;

void main() {
    vec4 at = vec4(position, 1.0);
    vec3 p = mix((camera_from_body * at).xyz, (camera_from_head * at).xyz, surface.z);
    gl_Position = shadow_from_camera * vec4(p, 1.0);
}
