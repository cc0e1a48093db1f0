// The total weight of the states of a tree, exp(H0 - H) each. Twin of src/nuts/weight.rs.

// A log weight that exceeds the unit by more than this becomes the new unit, long before its exponential overflows.
const LARGE = 60.0;

// The share of a state in a sum: its weight, the total including it, and the probability with which a Metropolis step
// would accept the state.
struct Share {
    weight: f32,
    total: f32,
    acceptance: f32,
}

// Adds a state of log weight `log_weight`, and returns its share of the new sum.
fn add(weight: ptr<private, Weight>, log_weight: f32) -> Share {
    if log_weight - (*weight).unit > LARGE {
        (*weight).sum *= exp_of((*weight).unit - log_weight);
        (*weight).unit = log_weight;
    }
    let added = exp_of(log_weight - (*weight).unit);
    (*weight).sum += added;
    // If the unit is 1, as nearly always, one exponential serves for both.
    var acceptance = min(added, 1.0);
    if (*weight).unit != 0.0 {
        acceptance = exp_of(min(log_weight, 0.0));
    }
    return Share(added, (*weight).sum, acceptance);
}

// Adds another sum, and returns its ratio to the old one.
fn join(weight: ptr<private, Weight>, other: Weight) -> f32 {
    let ratio = other.sum / (*weight).sum * exp_of(other.unit - (*weight).unit);
    let unit = max((*weight).unit, other.unit);
    (*weight).sum = (*weight).sum * exp_of((*weight).unit - unit) + other.sum * exp_of(other.unit - unit);
    (*weight).unit = unit;
    return ratio;
}
