//! The Merkle tree of RFC 6962 over a block's leaves: a tree of n leaves is a full one of the largest power of two below n, and
//! the rest to its right. Leaves and nodes are told apart by their digests' tags.

use carbon_contract::Hash;
use carbon_contract::codec::digest;

fn node(left: &Hash, right: &Hash) -> Hash {
    digest("carbon/chain-node/1", |e| {
        e.hash(left);
        e.hash(right);
    })
}

/// Leaves of the left part of a tree of more than one.
fn left_of(count: usize) -> usize {
    let power = count.next_power_of_two();
    power / 2
}

/// The root; `None` without leaves.
pub fn root(leaves: &[Hash]) -> Option<Hash> {
    match leaves {
        [] => None,
        [leaf] => Some(*leaf),
        _ => {
            let (left, right) = leaves.split_at(left_of(leaves.len()));
            Some(node(&root(left)?, &root(right)?))
        }
    }
}

/// Neighbours of a leaf from its own level up; `None` if there is no such leaf.
pub fn path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    match leaves {
        [] => None,
        [_] => (index == 0).then(Vec::new),
        _ => {
            let split = left_of(leaves.len());
            let (left, right) = leaves.split_at(split);
            let (mut below, neighbour) = if index < split {
                (path(left, index)?, root(right)?)
            } else {
                (path(right, index.checked_sub(split)?)?, root(left)?)
            };
            below.push(neighbour);
            Some(below)
        }
    }
}

/// The root that a leaf at `(index, count)` and its path give; `None` if the path does not fit.
pub fn root_of_path(leaf: &Hash, (index, count): (usize, usize), path: &[Hash]) -> Option<Hash> {
    match (count, path.split_last()) {
        (1, None) if index == 0 => Some(*leaf),
        (2.., Some((neighbour, below))) if index < count => {
            let split = left_of(count);
            if index < split {
                Some(node(&root_of_path(leaf, (index, split), below)?, neighbour))
            } else {
                let right = (index.checked_sub(split)?, count.checked_sub(split)?);
                Some(node(neighbour, &root_of_path(leaf, right, below)?))
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|n| Hash::new([n; 32])).collect()
    }

    #[test]
    fn every_leaf_of_every_size_is_proved_and_no_other() {
        for count in 1..=33_u8 {
            let leaves = leaves(count);
            let root = root(&leaves).unwrap();
            for (index, leaf) in leaves.iter().enumerate() {
                let path = path(&leaves, index).unwrap();
                let place = (index, leaves.len());
                assert_eq!(root_of_path(leaf, place, &path), Some(root), "{index} of {count}");
                assert_ne!(root_of_path(&Hash::new([255; 32]), place, &path), Some(root));
                for other in (0..leaves.len()).filter(|other| *other != index) {
                    assert_ne!(root_of_path(leaf, (other, leaves.len()), &path), Some(root));
                }
                assert_eq!(root_of_path(leaf, place, &[path.clone(), vec![root]].concat()), None);
            }
            assert_eq!(path(&leaves, leaves.len()), None);
        }
        assert_eq!(super::root(&[]), None);
    }

    #[test]
    fn the_tree_leans_left() {
        let leaves = leaves(3);
        let left = node(&leaves[0], &leaves[1]);
        assert_eq!(root(&leaves), Some(node(&left, &leaves[2])));
    }
}
