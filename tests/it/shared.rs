//! What is compiled in is what the reference data says: parameter sets, factor tables and golden rows, byte for byte.

use crate::support::shared_dir;
use std::path::Path;

#[test]
fn compiled_in_parameter_sets_are_the_reference_ones() {
    let Some(shared) = shared_dir("compiled_in_parameter_sets_are_the_reference_ones") else {
        return;
    };
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/methodology/data");
    let mut compared = 0;
    for file in std::fs::read_dir(shared.join("data/methodologies")).unwrap() {
        let path = file.unwrap().path();
        let copy = ours.join(path.file_name().unwrap());
        assert_eq!(
            std::fs::read(&path).unwrap(),
            std::fs::read(&copy).unwrap(),
            "{}",
            copy.display()
        );
        compared += 1;
    }
    assert_eq!(compared, 15);
}
