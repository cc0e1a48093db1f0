// A density that is multilinear in each cell of a lattice. Twin of src/independent/cells.rs.
//
// A cell, its alias and the component of the mixture are chosen by the words themselves, so that the device and the
// host choose the same; a corner by the rounded deviate.

@group(0) @binding(5) var<storage, read> numbers: array<u32>;
@group(0) @binding(6) var<storage, read> cells: array<CellRow>;
@group(0) @binding(7) var<storage, read> corners: array<f32>;

// A point, in steps of the lattice, and the density there.
struct InCell {
    place: vec3<f32>,
    height: f32,
}

// The place in the box; EMPTY outside.
fn cells_place(index: vec3<i32>) -> u32 {
    var place = 0u;
    for (var i = 0u; i < bound(SCALES); i++) {
        let along = index[i] - axes[i].first;
        if along < 0 || u32(along) >= axes[i].side {
            return EMPTY;
        }
        place = place * axes[i].side + u32(along);
    }
    return place;
}

// A point from the density, by random words: two for the cell, one for the corner, one for each axis.
fn cells_draw(cell: vec2<u32>, corner: u32, along: vec3<u32>) -> InCell {
    // The integer part of (word + 1/2) / 2^32 times the number of cells.
    let product = multiply(cell.x, run.cells);
    let column = product.x + select(0u, 1u, product.y + run.cells / 2u < product.y);
    let chosen_cell = select(cells[column].other, column, cell.y < cells[column].kept);
    var heights: array<f32, CORNERS>;
    var sum = 0.0;
    for (var i = 0u; i < bound(CORNERS); i++) {
        heights[i] = corners[chosen_cell * CORNERS + i];
        sum += heights[i];
    }
    var left = uniform_deviate(corner) * sum;
    var chosen = 0u;
    for (; chosen < bound(CORNERS) - 1u; chosen++) {
        left -= heights[chosen];
        if left < 0.0 {
            break;
        }
    }
    var inside: vec3<f32>;
    for (var i = 0u; i < bound(SCALES); i++) {
        let towards = sqrt(uniform_deviate(along[i]));
        inside[i] = select(1.0 - towards, towards, (chosen >> i & 1u) == 1u);
    }
    let lower = vec3<i32>(cells[chosen_cell].place_0, cells[chosen_cell].place_1, cells[chosen_cell].place_2);
    return InCell(vec3<f32>(lower) + inside, interpolated(heights, inside));
}

// The density at a point.
fn cells_at(point: vec3<f32>) -> f32 {
    let lower = clamp(floor(point), vec3<f32>(-1e6), vec3<f32>(1e6));
    let place = cells_place(vec3<i32>(lower));
    if place == EMPTY || numbers[place] == EMPTY {
        return 0.0;
    }
    var heights: array<f32, CORNERS>;
    for (var i = 0u; i < bound(CORNERS); i++) {
        heights[i] = corners[numbers[place] * CORNERS + i];
    }
    return interpolated(heights, point - lower);
}

// The multilinear function with these values at the corners: interpolated along one axis after the other.
fn interpolated(heights: array<f32, CORNERS>, inside: vec3<f32>) -> f32 {
    var values = heights;
    for (var i = SCALES; i > 0u; i--) {
        let half = 1u << (i - 1u);
        for (var corner = 0u; corner < bound(half); corner++) {
            values[corner] = values[corner] * (1.0 - inside[i - 1u]) + values[corner + half] * inside[i - 1u];
        }
    }
    return values[0];
}
