//! Records: line numbers, quotes, ends of lines, and what no well-meant file holds.

use super::*;

fn read(bytes: &[u8], delimiter: u8, preamble: u64) -> Vec<(u64, Option<Vec<String>>)> {
    let mut records = Records::new(bytes, delimiter, preamble).unwrap();
    let mut record = Record::default();
    let mut all = Vec::new();
    while records.next(&mut record).unwrap() {
        let field = |index| String::from_utf8(record.field(index).unwrap().to_vec()).unwrap();
        let fields: Vec<String> = (0..record.len()).map(field).collect();
        all.push((record.line, (!record.broken).then_some(fields)));
    }
    all
}

fn row(line: u64, fields: &[&str]) -> (u64, Option<Vec<String>>) {
    (line, Some(fields.iter().map(|field| (*field).to_owned()).collect()))
}

#[test]
fn lines_are_numbered_from_the_top() {
    let text = b"\xef\xbb\xbfa,b\r\n\n1, 2 \r\n\r\n\"3\",\"4,\"\"5\"\"\"";
    assert_eq!(
        read(text, b',', 0),
        [row(1, &["a", "b"]), row(3, &["1", "2"]), row(5, &["3", "4,\"5\""])]
    );
    assert_eq!(read(b"x\n\ny\nz", b',', 2), [row(3, &["y"]), row(4, &["z"])]);
    assert_eq!(read(b"1\t2\t\n", b'\t', 0), [row(1, &["1", "2", ""])]);
    assert_eq!(read(b"", b',', 0), []);
    assert_eq!(read(b"\n\n", b',', 0), []);
    // A lone carriage return ends no line.
    assert_eq!(read(b"a\rb,c\n", b',', 0), [row(1, &["a\rb", "c"])]);
}

#[test]
fn quotes_hold_line_breaks() {
    assert_eq!(
        read(b"a,\"b\nc\r\n\nd\",e\nf,g,h", b',', 0),
        [row(1, &["a", "b\nc\n\nd", "e"]), row(5, &["f", "g", "h"])]
    );
}

#[test]
fn an_open_quote_spoils_its_own_line_only() {
    assert_eq!(
        read(b"a,\"b\nc,d\n\ne,f", b',', 0),
        [(1, None), row(2, &["c", "d"]), row(4, &["e", "f"])]
    );
    assert_eq!(read(b"a,\"b", b',', 0), [(1, None)]);
    let far = [b"a,\"b\n".to_vec(), b"c,d\n".repeat(20_000), b"\",e\n".to_vec()].concat();
    let rows = read(&far, b',', 0);
    assert_eq!(
        (rows.len(), &rows[0], &rows[1]),
        (20_002, &(1, None), &row(2, &["c", "d"]))
    );
    // The last line opens a quote of its own.
    assert_eq!(rows.last(), Some(&(20_002, None)));
}

#[test]
fn a_line_without_end_is_not_kept() {
    let endless = [vec![b'x'; LONGEST_LINE * 3], b"\na,b\n".to_vec()].concat();
    assert_eq!(read(&endless, b',', 0), [(1, None), row(2, &["a", "b"])]);
    let wide = ["1"; 500].join(",");
    assert_eq!(read(wide.as_bytes(), b',', 0)[0].1.as_ref().map(Vec::len), Some(500));
}
