//! A density that is multilinear in each cell of a lattice: continuous, positive near every node, drawn and evaluated
//! exactly.
//!
//! A cell has 2^A corners, of which bit i of a corner's number says on which side of axis i it is. Its mass is the mean
//! of the density at its corners. Given the cell, a corner is chosen in proportion to its density, and then each
//! coordinate from the density 2 x that rises towards this corner: the mixture over corners is the multilinear density.

/// A multilinear density over a box of cells of step 1, up to its normalising constant.
#[derive(Debug, Clone)]
pub struct Cells<const A: usize> {
    /// The lower corner of the box's first cell, and the number of cells along each axis.
    pub first: [i32; A],
    pub sides: [usize; A],
    /// Number of each cell of the box; [`EMPTY`] where the density is 0.
    pub numbers: Vec<u32>,
    /// The lower corner of each cell.
    pub places: Vec<[i32; A]>,
    /// Density at the corners, `[cell][corner]`.
    pub corners: Vec<f64>,
    /// Vose's alias table (1991): a cell is kept with this probability, and replaced by its alias otherwise.
    pub kept: Vec<f64>,
    pub alias: Vec<u32>,
    /// The integral of the density.
    pub mass: f64,
}

/// The number of a cell without density.
pub const EMPTY: u32 = u32::MAX;

/// Corners of a cell of six axes.
const MOST_CORNERS: usize = 64;

/// Most cells of a box.
const MOST: usize = 1 << 23;

impl<const A: usize> Cells<A> {
    const CORNERS: usize = 1 << A;

    /// The cells around `nodes`, with their densities; 0 elsewhere. `None` if there are none or the box is too large.
    pub fn new(nodes: &[([i32; A], f64)]) -> Option<Cells<A>> {
        let mut ends = [[i32::MAX; A], [i32::MIN; A]];
        for (index, _) in nodes {
            for i in 0..A {
                ends[0][i] = ends[0][i].min(index[i]);
                ends[1][i] = ends[1][i].max(index[i]);
            }
        }
        if nodes.is_empty() {
            return None;
        }
        // Nodes with a margin of zeros; the cell of a node is the one above it.
        let first = ends[0].map(|end| end - 1);
        let sides: [usize; A] = std::array::from_fn(|i| (ends[1][i] - ends[0][i]) as usize + 3);
        let size = sides.iter().try_fold(1usize, |size, side| size.checked_mul(*side)).filter(|size| *size <= MOST)?;
        let mut cells = Cells {
            first,
            sides,
            numbers: Vec::new(),
            places: Vec::new(),
            corners: Vec::new(),
            kept: Vec::new(),
            alias: Vec::new(),
            mass: 0.0,
        };
        let mut density = vec![0.0; size];
        let mut is_cell = vec![false; size];
        let steps: Vec<usize> = (0..Self::CORNERS).map(|corner| cells.step(corner)).collect();
        for (index, height) in nodes {
            let place = cells.place(index)?;
            density[place] = *height;
            steps.iter().for_each(|step| is_cell[place - step] = true);
        }
        cells.numbers = vec![EMPTY; size];
        for place in (0..size).filter(|place| is_cell[*place]) {
            cells.numbers[place] = cells.places.len() as u32;
            let mut left = place;
            let mut lower = first;
            for i in (0..A).rev() {
                lower[i] += (left % sides[i]) as i32;
                left /= sides[i];
            }
            cells.places.push(lower);
            cells.corners.extend(steps.iter().map(|step| density[place + step]));
        }
        cells.tabulate();
        Some(cells)
    }

    /// The distance in the box from a cell to its corner.
    fn step(&self, corner: usize) -> usize {
        (0..A).fold(0, |step, i| step * self.sides[i] + (corner >> i & 1))
    }

    /// The place in the box; `None` outside.
    fn place(&self, index: &[i32; A]) -> Option<usize> {
        let mut place = 0;
        for ((index, first), side) in index.iter().zip(&self.first).zip(&self.sides) {
            let along = usize::try_from(index.checked_sub(*first)?).ok().filter(|along| along < side)?;
            place = place * side + along;
        }
        Some(place)
    }

    /// Fills the alias table, and the mass.
    fn tabulate(&mut self) {
        let masses: Vec<f64> = self.corners.chunks_exact(Self::CORNERS).map(|corners| corners.iter().sum()).collect();
        let (count, total) = (masses.len(), masses.iter().sum::<f64>());
        self.mass = total / Self::CORNERS as f64;
        self.kept = masses.iter().map(|mass| mass * count as f64 / total).collect();
        self.alias = (0..count as u32).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|cell| self.kept[*cell] < 1.0);
        while let (Some(low), Some(high)) = (small.pop(), large.last().copied()) {
            self.alias[low] = high as u32;
            self.kept[high] -= 1.0 - self.kept[low];
            if self.kept[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        small.into_iter().chain(large).for_each(|cell| self.kept[cell] = 1.0);
    }

    /// A point from the density, by uniform numbers: two for the cell, one for the corner, one for each axis.
    #[inline(always)]
    pub fn draw(&self, cell: [f64; 2], corner: f64, along: &[f64; A]) -> ([f64; A], f64) {
        let column = ((cell[0] * self.kept.len() as f64) as usize).min(self.kept.len() - 1);
        let cell = if cell[1] < self.kept[column] { column } else { self.alias[column] as usize };
        let corners = &self.corners[cell * Self::CORNERS..][..Self::CORNERS];
        let mut left = corner * corners.iter().sum::<f64>();
        let chosen = corners.iter().position(|height| {
            left -= height;
            left < 0.0
        });
        let chosen = chosen.unwrap_or(Self::CORNERS - 1);
        let mut inside = [0.0; A];
        for i in 0..A {
            let towards = along[i].sqrt();
            inside[i] = if chosen >> i & 1 == 1 { towards } else { 1.0 - towards };
        }
        let place = &self.places[cell];
        (std::array::from_fn(|i| f64::from(place[i]) + inside[i]), interpolated(corners, &inside))
    }

    /// The density at a point.
    #[inline(always)]
    pub fn at(&self, point: &[f64; A]) -> f64 {
        let lower: [f64; A] = point.map(f64::floor);
        // A cast of a number that is too large is the nearest index, far outside of the box.
        let Some(place) = self.place(&lower.map(|lower| lower as i32)) else { return 0.0 };
        let number = self.numbers[place];
        if number == EMPTY {
            return 0.0;
        }
        let corners = &self.corners[number as usize * Self::CORNERS..][..Self::CORNERS];
        interpolated::<A>(corners, &std::array::from_fn(|i| point[i] - lower[i]))
    }
}

/// The multilinear function with these values at the corners: interpolated along one axis after the other.
#[inline(always)]
fn interpolated<const A: usize>(corners: &[f64], inside: &[f64; A]) -> f64 {
    let mut values = [0.0; MOST_CORNERS];
    values[..1 << A].copy_from_slice(corners);
    for i in (0..A).rev() {
        for corner in 0..1 << i {
            values[corner] = values[corner] * (1.0 - inside[i]) + values[corner + (1 << i)] * inside[i];
        }
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, StreamKey};

    /// Nodes of a density of two peaks, the second of them apart from the first.
    fn nodes() -> Vec<([i32; 2], f64)> {
        let near =
            (-3..=3).flat_map(|x: i32| (-2..=2).map(move |y: i32| ([x, y], f64::from(1 + x * x + (x + y).abs()))));
        near.chain([([9, 1], 30.0)]).collect()
    }

    #[test]
    fn points_are_drawn_from_the_density_and_it_is_known_at_each() {
        let cells = Cells::new(&nodes()).unwrap();
        let draws = 400_000;
        let (mut counts, mut expected) = (vec![0.0; 14 * 8], vec![0.0; 14 * 8]);
        let bin = |point: &[f64; 2]| (point[0].floor() + 4.0) as usize * 8 + (point[1].floor() + 3.0) as usize;
        for chain in 0..draws {
            let key = StreamKey { seed: 5, chain, transition: 0 };
            let [a, b, c, d] = key.uniforms(Purpose::Stream, 0);
            let (point, density) = cells.draw([a, b], c, &[d, key.uniform(Purpose::Stream, 4)]);
            assert!((density - cells.at(&point)).abs() < 1e-12 && density > 0.0);
            counts[bin(&point)] += 1.0;
        }
        // The mass of a cell, from the density on a fine grid.
        for x in 0..14 * 20 {
            for y in 0..8 * 20 {
                let point = [-4.0 + (f64::from(x) + 0.5) / 20.0, -3.0 + (f64::from(y) + 0.5) / 20.0];
                expected[bin(&point)] += f64::from(draws) * cells.at(&point) / (400.0 * cells.mass);
            }
        }
        let chi: f64 = counts
            .iter()
            .zip(&expected)
            .filter(|(_, expected)| **expected > 0.0)
            .map(|(count, expected): (&f64, &f64)| (count - expected).powi(2) / expected)
            .sum();
        let freedom = expected.iter().filter(|expected| **expected > 0.0).count() as f64 - 1.0;
        assert!(counts.iter().zip(&expected).all(|(count, expected)| *count == 0.0 || *expected > 0.0));
        assert!((chi - freedom).abs() < 4.0 * (2.0 * freedom).sqrt(), "chi square {chi} of {freedom}");
        assert_eq!([cells.at(&[6.5, 0.0]), cells.at(&[1e300, 0.0]), cells.at(&[-1e300, 0.0])], [0.0, 0.0, 0.0]);
    }
}
