// Provides: vec3 placed(p, follows), vec3 turned(n, follows): from avatar space to camera space.
// Skinning: a vertex follows its bone by a weight, the rest head and body by `follows`.

in vec3 bone;  // 0 or 1 + its index, its weight, translucency

uniform mat4 camera_from_head, camera_from_body;
uniform mat4 bones[MAX_BONES + 1];  // in avatar space; the first is the identity

vec3 placed(vec3 p, float follows) {
    vec4 at = vec4(p, 1.0);
    if (bone.y > 0.0) {
        at.xyz = mix(p, (bones[int(bone.x)] * at).xyz, bone.y);
    }
    return mix((camera_from_body * at).xyz, (camera_from_head * at).xyz, follows);
}

vec3 turned(vec3 n, float follows) {
    if (bone.y > 0.0) {
        n = mix(n, mat3(bones[int(bone.x)]) * n, bone.y);
    }
    return normalize(mix(mat3(camera_from_body) * n, mat3(camera_from_head) * n, follows));
}
