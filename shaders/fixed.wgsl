// What does not depend on the position: about which noise log densities are taken, and the priors of each coefficient, then of
// eps. Made by src/density/gpu/tables.rs, which has the formula.

struct Fixed {
    reference: Reference,
    priors: array<Prior>,
}

@group(0) @binding(0) var<storage, read> fixed: Fixed;
