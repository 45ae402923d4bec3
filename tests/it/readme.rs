//! The two READMEs say the same: the same blocks to run and to read, in the same order, and the same links.

use std::fs;
use std::path::Path;

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Every fenced block with its word, and whether scripts/readme.sh runs it.
fn blocks(text: &str) -> Vec<(bool, String)> {
    let mut blocks: Vec<(bool, String)> = Vec::new();
    let (mut is_run, mut inside) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            if !inside {
                blocks.push((is_run, line.to_owned()));
            }
            inside = !inside;
        } else if let (true, Some((_, block))) = (inside, blocks.last_mut()) {
            *block = format!("{block}\n{line}");
        }
        if !line.is_empty() {
            is_run = line == "<!-- ci -->";
        }
    }
    assert!(!inside, "a block is not closed");
    blocks
}

/// Where the links of the text lead, those to the other README left out.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("README")).collect()
}

#[test]
fn both_languages_have_the_same_commands_and_links() {
    let (english, chinese) = (text("README.md"), text("README.zh-CN.md"));
    let (blocks_of_one, blocks_of_other) = (blocks(&english), blocks(&chinese));
    assert!(
        blocks_of_one
            .iter()
            .any(|(is_run, block)| *is_run && block.contains("demo --once"))
    );
    assert_eq!(blocks_of_one, blocks_of_other);
    assert_eq!(links(&english), links(&chinese));
    let headings = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(headings(&english), headings(&chinese));
    assert!(english.contains("](README.zh-CN.md)") && chinese.contains("](README.md)"));
}

/// Whether the text has a heading that a link ending in `#anchor` leads to: its words in small letters, joined by hyphens.
fn has_heading(text: &str, anchor: &str) -> bool {
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| {
        let words = line.trim_start_matches('#').split_whitespace();
        words.collect::<Vec<_>>().join("-").to_lowercase() == anchor
    })
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_of_it() {
    for name in ["README.md", "README.zh-CN.md"] {
        for target in links(&text(name)) {
            let (file, anchor) = target
                .split_once('#')
                .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            assert!(
                Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(),
                "{name}: {target}"
            );
            if let Some(anchor) = anchor {
                assert!(has_heading(&text(file), anchor), "{name}: {target}");
            }
        }
    }
}
