// The covariance of a group's rotated outcome with its effects integrated out: V = I + sum_c s_c r_c r_c', factorized
// by additions of positive terms. Twin of src/density/collapsed/covariance.rs, which has the method.
//
// Every loop runs K times and tests whether there is work: few compilers unroll a loop whose bound is another loop's
// variable, and without unrolling all these small arrays are in memory.

// V = U diag(d) U'.
struct Covariance {
    // Column after column, U_ij for i < j, with unused places for the diagonal.
    upper: array<f32, TRIANGLE>,
    // d, and 1 / d.
    diagonal: array<f32, K>,
    inverse: array<f32, K>,
}

const TRIANGLE = K * (K + 1u) / 2u;

// Factorizes V of group `group`; `ratio` holds s.
fn factorize(group: u32, ratio: ptr<function, array<f32, K>>, covariance: ptr<function, Covariance>) {
    for (var i = 0u; i < TRIANGLE; i++) {
        (*covariance).upper[i] = 0.0;
    }
    for (var j = 0u; j < K; j++) {
        (*covariance).diagonal[j] = 1.0;
    }
    for (var done = 0u; done < K; done++) {
        let c = K - 1u - done;
        var v = column(group, c);
        var alpha = (*ratio)[c];
        for (var above = 0u; above < K; above++) {
            let j = K - 1u - above;
            if j > c {
                continue;
            }
            let weighted = alpha * v[j];
            let before = (*covariance).diagonal[j];
            let after = before + weighted * v[j];
            let inverse = 1.0 / after;
            let gain = weighted * inverse;
            alpha *= before * inverse;
            for (var i = 0u; i < K; i++) {
                if i < j {
                    v[i] -= v[j] * (*covariance).upper[qr_start(j) + i];
                    (*covariance).upper[qr_start(j) + i] += gain * v[i];
                }
            }
            (*covariance).diagonal[j] = after;
            (*covariance).inverse[j] = inverse;
        }
    }
}

// Replaces the first `k` entries of x by those of U^-1 x, and returns x' V^-1 x.
fn whiten(covariance: ptr<function, Covariance>, k: u32, x: ptr<function, array<f32, K>>) -> f32 {
    var square = 0.0;
    for (var above = 0u; above < K; above++) {
        let j = K - 1u - above;
        if j >= k {
            continue;
        }
        for (var i = 0u; i < K; i++) {
            if i < j {
                (*x)[i] -= (*covariance).upper[qr_start(j) + i] * (*x)[j];
            }
        }
        square += (*x)[j] * (*x)[j] * (*covariance).inverse[j];
    }
    return square;
}

// V^-1 x, from the result of `whiten` for x.
fn solve(covariance: ptr<function, Covariance>, whitened: ptr<function, array<f32, K>>) {
    for (var j = 0u; j < K; j++) {
        (*whitened)[j] *= (*covariance).inverse[j];
        for (var i = 0u; i < K; i++) {
            if i < j {
                (*whitened)[j] -= (*covariance).upper[qr_start(j) + i] * (*whitened)[i];
            }
        }
    }
}

// w - R mu of group `group`.
fn deviation(group: u32, at: ptr<function, At>) -> array<f32, K> {
    var deviation: array<f32, K>;
    for (var i = 0u; i < K; i++) {
        deviation[i] = qr_outcome(group, i);
        for (var c = 0u; c < K; c++) {
            if c >= i {
                deviation[i] -= qr_entry(group, c, i) * (*at).coefficients[c].mu;
            }
        }
    }
    return deviation;
}

// r_c of group `group`, padded with zeros.
fn column(group: u32, c: u32) -> array<f32, K> {
    var column: array<f32, K>;
    for (var i = 0u; i < K; i++) {
        if i <= c {
            column[i] = qr_entry(group, c, i);
        }
    }
    return column;
}

// r_c' x of group `group`.
fn column_dot(group: u32, c: u32, x: ptr<function, array<f32, K>>) -> f32 {
    var sum = 0.0;
    for (var i = 0u; i < K; i++) {
        if i <= c {
            sum += qr_entry(group, c, i) * (*x)[i];
        }
    }
    return sum;
}
