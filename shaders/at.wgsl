// The hyperparameters at a position.

struct At {
    coefficients: array<Coefficient, K>,
    family: Family,
}
