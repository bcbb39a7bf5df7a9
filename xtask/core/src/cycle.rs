//! Circles in a graph.

/// The strongly connected parts of a graph that are more than one node, or a node that needs itself: Tarjan's algorithm, with
/// a stack of its own. Each in ascending order, ordered by its first node. `needs` are positions; one that is none is ignored.
pub fn circles(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut index = vec![NEW; needs.len()];
    let mut low = vec![NEW; needs.len()];
    let mut on_stack = vec![false; needs.len()];
    let (mut stack, mut found, mut count) = (Vec::new(), Vec::new(), 0);
    for start in 0..needs.len() {
        if index[start] != NEW {
            continue;
        }
        let mut work = vec![(start, 0)];
        while let Some((node, edge)) = work.pop() {
            if edge == 0 {
                (index[node], low[node]) = (count, count);
                count += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(&next) = needs[node].get(edge) {
                work.push((node, edge + 1));
                if next >= needs.len() {
                    continue;
                }
                if index[next] == NEW {
                    work.push((next, 0));
                } else if on_stack[next] {
                    low[node] = low[node].min(index[next]);
                }
                continue;
            }
            if let Some(&(parent, _)) = work.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == index[node] {
                let mut circle = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    circle.push(member);
                    if member == node {
                        break;
                    }
                }
                circle.sort_unstable();
                if circle.len() > 1 || needs[node].contains(&node) {
                    found.push(circle);
                }
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_and_lines_are_none() {
        for (needs, expected) in [
            (vec![], vec![]),
            (vec![vec![1], vec![2], vec![]], vec![]),
            (vec![vec![0]], vec![vec![0]]),
            (vec![vec![1], vec![0], vec![0, 9]], vec![vec![0, 1]]),
            (vec![vec![1], vec![2, 3], vec![0], vec![4], vec![3]], vec![vec![0, 1, 2], vec![3, 4]]),
        ] {
            assert_eq!(circles(&needs), expected, "{needs:?}");
        }
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let needs: Vec<Vec<usize>> = (0..200_000).map(|node| vec![node + 1]).collect();
        assert!(circles(&needs).is_empty());
    }
}
