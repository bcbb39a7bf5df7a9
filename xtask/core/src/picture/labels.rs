//! Labels at their places, in as few rows as it takes that none covers another.

use crate::page::width;

/// How far a label is from its place.
const APART: f64 = 5.0;

/// A label that has found its row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// The row, from 0.
    pub(super) row: usize,
    /// Where its text begins.
    pub(super) left: f64,
}

/// Places labels, each as (place, text), in order of their places, between `left` and `right`: behind its place where there is
/// room, else before it.
pub(super) fn place(labels: &[(f64, &str)], left: f64, right: f64) -> Vec<Placed> {
    let mut ends: Vec<f64> = Vec::new();
    let mut placed = Vec::with_capacity(labels.len());
    for (at, text) in labels {
        let width = width(text);
        let is_behind = at + APART + width <= right;
        let begin = if is_behind { at + APART } else { at - APART - width };
        let begin = begin.min(right - width).max(left);
        let row = ends.iter().position(|end| *end <= begin).unwrap_or(ends.len());
        let end = begin + width + 10.0;
        match ends.get_mut(row) {
            Some(last) => *last = end,
            None => ends.push(end),
        }
        placed.push(Placed { row, left: begin });
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_cover_each_other() {
        let words = "somebody looks after releases without an owner";
        let labels: Vec<(f64, &str)> = (0..40_u32)
            .map(|n| (f64::from(n * n % 97) * 10.0, &words[..usize::try_from(n).unwrap() + 2]))
            .collect();
        let mut labels = labels;
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let placed = place(&labels, 0.0, 1000.0);
        for (index, one) in placed.iter().enumerate() {
            let end = one.left + width(labels[index].1);
            assert!(one.left >= 0.0 && end <= 1000.0, "{one:?}");
            for (other, text) in placed[..index].iter().zip(&labels) {
                let apart =
                    other.row != one.row || other.left + width(text.1) <= one.left || end <= other.left;
                assert!(apart, "{one:?} covers {other:?}");
            }
        }
        assert!(placed.iter().any(|label| label.row > 0));
    }
}
