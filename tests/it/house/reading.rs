//! Reads Rust source as far as the rules need it: code without comments and literals, without tests, whole words, imports.

pub(super) fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

pub(super) fn whole_words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let open = word.starts_with(is_word) && code[..at].ends_with(is_word);
        let close = word.ends_with(is_word) && code[at + word.len()..].starts_with(is_word);
        !open && !close
    })
}

fn blank(text: &str) -> String {
    text.chars()
        .map(|character| if character == '\n' { '\n' } else { ' ' })
        .collect()
}

/// Blots out comments, strings and characters, and keeps every line break, so that places can still be named.
pub(super) fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = literal_or_comment(rest, out.ends_with(is_word)) {
            out.push_str(&blank(&rest[..length]));
            rest = &rest[length..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// The length of the comment or literal that `rest` begins with.
fn literal_or_comment(rest: &str, inside_word: bool) -> Option<usize> {
    let until = |from: usize, end: &str| Some(rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len()));
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return until(2, "*/");
    }
    let raw = rest
        .strip_prefix("br")
        .or_else(|| rest.strip_prefix('r'))
        .filter(|_| !inside_word);
    if let Some(after) = raw {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if after[hashes..].starts_with('"') {
            let start = rest.len() - after.len() + hashes + 1;
            return until(start, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let mut characters = rest.char_indices().skip(1);
    if quote == '\'' {
        // A lifetime has no closing quote right after its first character.
        let (_, first) = characters.next()?;
        if first != '\\' {
            return characters
                .next()
                .filter(|(_, second)| *second == '\'')
                .map(|(at, _)| at + 1);
        }
        characters.next();
    }
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            end if end == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// `code` without the modules that only tests compile.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let open = out[start..].find('{').map(|at| start + at);
        let semicolon = out[start..].find(';').map_or(out.len(), |at| start + at);
        let end = match open {
            Some(open) if open < semicolon => closing_brace(&out, open),
            _ => semicolon,
        };
        let blank = blank(&out[start..end]);
        out.replace_range(start..end, &blank);
    }
    out
}

fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, character) in code[open..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// What a file names of the crate: `(offset, "room::item")` for each `crate::…`, groups in braces taken apart.
pub(super) fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in ["crate::", "carbon_gateway::"] {
        for at in whole_words(code, start) {
            let after = &code[at + start.len()..];
            if after.starts_with('{') {
                let group = &after[1..closing_brace(after, 0).saturating_sub(1).max(1)];
                found.extend(split_group(group).into_iter().map(|part| (at, two_segments(part))));
            } else {
                found.push((at, two_segments(after)));
            }
        }
    }
    found
}

pub(super) fn split_group(group: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = group.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

pub(super) fn two_segments(path: &str) -> String {
    let mut segments = path.split("::").map(|segment| {
        let end = segment.find(|character| !is_word(character)).unwrap_or(segment.len());
        (&segment[..end], end == segment.len())
    });
    match (segments.next(), segments.next()) {
        (Some((room, true)), Some((item, _))) if !item.is_empty() => format!("{room}::{item}"),
        (Some((room, _)), _) => room.to_owned(),
        (None, _) => String::new(),
    }
}

#[test]
fn the_reader_of_source_text_is_not_fooled() {
    let text = "use crate::{a::{b, c}, d}; // crate::no\nlet s = \"crate::no\"; let c = '\\''; fn f<'a>() { crate::e() }\n\
                let r = r#\"crate::no \"quoted\" \"#; /* crate::no */ crate::store::Db";
    let named: Vec<String> = imports(&code_only(text))
        .into_iter()
        .map(|(_, import)| import)
        .collect();
    assert_eq!(named, ["a", "d", "e", "store::Db"]);
    let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { x.unwrap() } }\nfn c() {}";
    assert!(!without_tests(code).contains("unwrap"));
    assert!(without_tests(code).contains("fn c"));
}
