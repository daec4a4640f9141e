// Provides: vec3 hair_gloss(...), the gloss of styled hair

// Two specular lobes of hair along `lie`, the second tinted by its colour (Marschner et al. 2003, as
// Scheuermann 2004 shifts them); `strand` is -0.5 .. 0.5.
vec3 hair_gloss(vec3 n, vec3 v, vec3 lie, float strand, vec3 to_lamp, vec3 albedo) {
    vec3 h = normalize(to_lamp + v);
    float first = dot(normalize(lie + n * (0.10 + 0.35 * strand)), h);
    float second = dot(normalize(lie - n * (0.18 - 0.35 * strand)), h);
    float on = smoothstep(-0.2, 0.5, dot(n, to_lamp));
    float sharp = pow(max(0.0, 1.0 - first * first), 36.0);
    float broad = pow(max(0.0, 1.0 - second * second), 8.0);
    return on * (0.16 * sharp + 0.55 * broad * (albedo + 0.02));
}
