//! Bare station names: what is left when two spellings of a name are to be compared.

/// A name without brackets of either width and what is in them, without middle dots and white space, with 董 for 菫,
/// and without one 站 at the end, unless nothing else is left.
pub fn bare(name: &str) -> String {
    let mut open = 0_usize;
    let mut kept = String::new();
    for character in name.chars() {
        match character {
            '(' | '（' => open = open.saturating_add(1),
            ')' | '）' => open = open.saturating_sub(1),
            '·' => {}
            other if open > 0 || other.is_whitespace() => {}
            '菫' => kept.push('董'),
            other => kept.push(other),
        }
    }
    match kept.strip_suffix('站') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn names_are_made_bare() {
        let cases = [
            ("青岛站", "青岛"),
            ("信号山（青大附院）", "信号山"),
            ("信号山(青大附院)", "信号山"),
            ("菫家下庄", "董家下庄"),
            ("虹桥 火车站", "虹桥火车"),
            ("一大会址·黄陂南路", "一大会址黄陂南路"),
            ("站", "站"),
            ("站站", "站"),
            ("", ""),
            ("(2号线)", ""),
            ("东站（北）站", "东站"),
        ];
        for (name, expected) in cases {
            assert_eq!(bare(name), expected, "{name}");
        }
    }
}
