// Projects a vertex into the shadow map.

#include "place.glsl"

in vec3 position;
in vec4 surface;

uniform mat4 shadow_from_camera;

void main() {
    gl_Position = shadow_from_camera * vec4(placed(position, surface.z), 1.0);
}
