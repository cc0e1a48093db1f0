// The position-independent tables: the reference noise of log densities, and the priors of each coefficient, then of
// each dispersion. Made by src/density/gpu/tables.rs, which has the formula.

struct Fixed {
    reference: Reference,
    priors: array<Prior>,
}

@group(0) @binding(0) var<storage, read> fixed: Fixed;
