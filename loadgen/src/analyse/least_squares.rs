//! Least squares over some of the columns of a table, by orthogonal columns (modified Gram-Schmidt): squaring the condition, as normal equations
//! do, would cost half of the digits.

/// The coefficients that leave the least error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    /// A coefficient for each column of the table; 0 for those that were not chosen.
    pub(super) coefficients: Vec<f64>,
    /// Sum of the squared errors.
    pub(super) squares: f64,
    columns: Vec<usize>,
    /// Columns differ by many powers of ten: each is divided by its length first.
    scale: Vec<f64>,
    /// The triangle R of X = QR, of the scaled columns.
    upper: Vec<Vec<f64>>,
}

/// Least squares of the second parts over these columns of the first; `None` where the rows do not determine them.
pub(super) fn solve<R: AsRef<[f64]>>(rows: &[(R, f64)], columns: &[usize]) -> Option<Solution> {
    let width = rows.first()?.0.as_ref().len();
    let length = |column: usize| rows.iter().map(|(x, _)| x.as_ref()[column].powi(2)).sum::<f64>().sqrt();
    let scale: Vec<f64> = columns.iter().map(|column| length(*column)).collect();
    if scale.contains(&0.0) {
        return None;
    }
    let n = columns.len();
    let mut basis: Vec<Vec<f64>> = columns
        .iter()
        .zip(&scale)
        .map(|(column, scale)| rows.iter().map(|(x, _)| x.as_ref()[*column] / scale).collect())
        .collect();
    let mut upper = vec![vec![0.0; n]; n];
    let mut rest: Vec<f64> = rows.iter().map(|(_, y)| *y).collect();
    let mut projected = vec![0.0; n];
    for i in 0..n {
        for j in 0..i {
            let along = dot(&basis[j], &basis[i]);
            upper[j][i] = along;
            let other = basis[j].clone();
            subtract(&mut basis[i], along, &other);
        }
        let length = dot(&basis[i], &basis[i]).sqrt();
        if length < 1e-10 {
            return None;
        }
        upper[i][i] = length;
        basis[i].iter_mut().for_each(|value| *value /= length);
        projected[i] = dot(&basis[i], &rest);
        subtract(&mut rest, projected[i], &basis[i]);
    }
    let mut solved = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| upper[i][j] * solved[j]).sum();
        solved[i] = (projected[i] - known) / upper[i][i];
    }
    let mut coefficients = vec![0.0; width];
    for (i, column) in columns.iter().enumerate() {
        coefficients[*column] = solved[i] / scale[i];
    }
    Some(Solution { coefficients, squares: dot(&rest, &rest), columns: columns.to_vec(), scale, upper })
}

impl Solution {
    /// How much of a column the others before it do not tell: 1 where they are orthogonal, 0 where it is their sum.
    pub(super) fn independence(&self) -> f64 {
        (0..self.columns.len()).map(|i| self.upper[i][i]).fold(1.0, f64::min)
    }

    /// x' (X'X)^-1 x: the variance of the fitted value at `x`, in units of that of an error.
    pub(super) fn leverage(&self, x: &[f64]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter().enumerate() {
            let known: f64 = (0..i).map(|j| self.upper[j][i] * solved[j]).sum();
            solved.push((x[*column] / self.scale[i] - known) / self.upper[i][i]);
        }
        dot(&solved, &solved)
    }

    /// The value at `x`.
    pub(super) fn at(&self, x: &[f64]) -> f64 {
        dot(&self.coefficients, x)
    }

    /// Chosen columns.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn subtract(from: &mut [f64], times: f64, other: &[f64]) {
    from.iter_mut().zip(other).for_each(|(value, other)| *value -= times * other);
}
