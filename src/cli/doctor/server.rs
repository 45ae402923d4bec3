//! A database server's version, settings and load, as far as a ledger rests on them.

use super::report::{Findings, Level};
use super::words::{size, some, span};
use crate::store::db::{Connection, READER_STATEMENTS, StoreError, WRITER_STATEMENTS};
use crate::store::examine::{self, Hold, Server};

/// Sessions that an instance opens besides its writers: readers, keys, leases, the sweeper, and a command beside it.
const BESIDE_WRITERS: usize = 10;
/// A batch of trips with their evidence, and the page that seals it.
const LARGEST_PACKET: i64 = 16 << 20;
/// A batch holds rows for milliseconds; whoever holds them for so long is no batch of ours.
const LONG_S: i64 = 30;

/// The oldest that should do. Tried are MariaDB 10.11 and MySQL 9.7.4; MySQL 8 itself is not.
const MYSQL: [u32; 3] = [8, 0, 19];
const MARIADB: [u32; 3] = [10, 11, 0];

pub(super) async fn examine(connection: &mut Connection, writers: usize, say: &mut Findings) -> Result<(), StoreError> {
    if let Some(server) = examine::server(connection).await? {
        writable(&server, say);
        durable(&server, say);
        lean(&server, say);
        room(&server, writers, say);
    }
    let other = examine::other_tables(connection).await?;
    if !other.is_empty() {
        let saw = format!(
            "tables are not InnoDB, or compare names by another rule than their bytes: {}",
            some(&other, 3)
        );
        say.wrong("engine", saw, "ALTER TABLE … ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, with the gateway stopped");
    }
    if let Some(hold) = examine::longest_hold(connection).await {
        held(hold, say);
    }
    Ok(())
}

/// Kind and version.
pub(super) fn version(text: &str, say: &mut Findings) {
    let is_mariadb = text.contains("MariaDB");
    let (kind, oldest) = if is_mariadb {
        ("MariaDB", MARIADB)
    } else {
        ("MySQL", MYSQL)
    };
    let number = text
        .split('-')
        .find(|part| !is_mariadb || *part != "5.5.5")
        .unwrap_or(text);
    let mut parts = number.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor)), patch) = (parts.next(), parts.next(), parts.next()) else {
        let saw = format!("its version is {text}, which says nothing to this program");
        return say.warn(
            "version_unknown",
            saw,
            "MariaDB 10.11 and MySQL 9.7.4 are tried, MySQL from 8.0.19 should do",
        );
    };
    let found = [major, minor, patch.and_then(Result::ok).unwrap_or(0)];
    if found < oldest {
        let saw = format!("it is {kind} {number}, older than what should do");
        return say.wrong("version_old", saw, "take MySQL from 8.0.19, or MariaDB from 10.11");
    }
    say.ok("version", format!("{kind} {number}"));
}

/// Whether it takes our writes at all.
fn writable(server: &Server, say: &mut Findings) {
    let refusing = ["read_only", "super_read_only", "innodb_read_only"]
        .into_iter()
        .find(|name| server.is_on(name));
    if let Some(name) = refusing {
        let saw =
            format!("it takes no writes (`{name}` is on): this is a replica, or a server that somebody keeps still");
        say.wrong(
            "read_only",
            saw,
            "lead `database.url` to the server that is written, or switch it off if this is the one",
        );
    }
    if server.is_on("log_bin")
        && server
            .word("binlog_format")
            .is_some_and(|word| word.eq_ignore_ascii_case("statement"))
    {
        let saw = "its binary log takes statements (`binlog_format = STATEMENT`), which READ COMMITTED may not write: every commit is refused";
        say.wrong("binlog_format", saw, "SET GLOBAL binlog_format = ROW, and in its file");
    }
}

/// What a commit survives.
fn durable(server: &Server, say: &mut Findings) {
    let before = say.len();
    if let Some(flush @ (0 | 2)) = server.number("innodb_flush_log_at_trx_commit") {
        let lost = if flush == 0 {
            "a crash of the server or a power cut"
        } else {
            "a power cut"
        };
        let saw = format!(
            "{lost} may lose the last second of what was answered (`innodb_flush_log_at_trx_commit` is {flush})"
        );
        say.warn("flush", saw, "SET GLOBAL innodb_flush_log_at_trx_commit = 1, and in its file: the chain may else know what the ledger has lost");
    }
    if server.is_on("log_bin") && server.number("sync_binlog").is_some_and(|number| number != 1) {
        let saw = "a power cut may lose the end of the binary log: replicas and backups made from it then lack what was answered (`sync_binlog` is not 1)";
        say.warn("sync_binlog", saw, "SET GLOBAL sync_binlog = 1, and in its file");
    }
    if server
        .word("innodb_doublewrite")
        .is_some_and(|word| word.eq_ignore_ascii_case("off") || word == "0")
    {
        let saw = "a power cut may leave pages half written (`innodb_doublewrite` is off)";
        say.warn(
            "doublewrite",
            saw,
            "switch it on, unless the file system writes pages as a whole",
        );
    }
    if say.len() == before {
        say.ok("durable", "what it commits survives a power cut");
    }
}

/// What is written besides: `MariaDB` calls it by another name than `MySQL`, and does it unless it is told not to.
fn lean(server: &Server, say: &mut Findings) {
    let texts = ["binlog_annotate_row_events", "binlog_rows_query_log_events"];
    if let Some(name) = texts.into_iter().find(|name| server.is_on(name))
        && server.is_on("log_bin")
    {
        let saw = format!(
            "its binary log takes the text of every statement beside its rows, some 2 KB more a trip (`{name}` is on)"
        );
        say.warn("binlog_texts", saw, format!("SET GLOBAL {name} = OFF, and in its file"));
    }
}

/// Whether somebody keeps rows from the writers.
fn held(Hold { session, seconds }: Hold, say: &mut Findings) {
    if seconds > LONG_S {
        let held_for = span(seconds.saturating_mul(1_000));
        say.warn(
            "rows_held",
            format!("session {session} has held rows for {held_for}"),
            format!(
                "see whose it is (SHOW PROCESSLIST); `KILL {session}` sets the rows free. Only gateways write here"
            ),
        );
    }
}

/// Whether there is room for an instance.
fn room(server: &Server, writers: usize, say: &mut Findings) {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let sessions = count(writers.saturating_add(BESIDE_WRITERS));
    if let Some(limit) = server.number("max_connections") {
        let open = server.number("threads_connected").unwrap_or(0);
        let saw = format!("{open} of {limit} sessions are open; an instance of this gateway opens up to {sessions}");
        let advice = "raise `max_connections`, or find out who else opens so many";
        match limit.saturating_sub(open) {
            ..=0 => say.wrong("sessions", saw, advice),
            _ if limit < sessions => say.wrong("sessions", saw, advice),
            free if free < sessions => say.warn("sessions", saw, advice),
            _ => say.ok("sessions", saw),
        }
    }
    let of_writers = WRITER_STATEMENTS.saturating_mul(writers);
    let of_readers = READER_STATEMENTS.saturating_mul(BESIDE_WRITERS);
    let prepared = count(of_writers.saturating_add(of_readers));
    if let Some(limit) = server
        .number("max_prepared_stmt_count")
        .filter(|limit| *limit < prepared)
    {
        let saw =
            format!("all sessions together may keep {limit} statements prepared; an instance keeps up to {prepared}");
        say.bad(
            Level::Warning,
            "prepared_statements",
            saw,
            "raise `max_prepared_stmt_count`; 16382 is what it is where nobody says otherwise",
        );
    }
    if let Some(limit) = server
        .number("max_allowed_packet")
        .filter(|limit| *limit < LARGEST_PACKET)
    {
        let told = size(u64::try_from(limit).unwrap_or(0));
        let saw = format!("it takes packets of {told} at most, and a full batch may be larger");
        say.warn(
            "packet",
            saw,
            "SET GLOBAL max_allowed_packet = 67108864, and in its file",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Server {
        Server::new(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    fn codes(judge: impl FnOnce(&mut Findings)) -> Vec<(&'static str, Level)> {
        let mut say = Findings::new();
        judge(&mut say);
        say.codes()
    }

    #[test]
    fn versions_are_read_as_servers_write_them() {
        let cases = [
            ("10.11.6-MariaDB-0+deb12u1", ("version", Level::Ok)),
            ("5.5.5-10.11.6-MariaDB", ("version", Level::Ok)),
            ("11.4.2-MariaDB", ("version", Level::Ok)),
            ("10.6.18-MariaDB-log", ("version_old", Level::Wrong)),
            ("8.0.36", ("version", Level::Ok)),
            ("8.4.0-1.el9", ("version", Level::Ok)),
            ("8.0.18-log", ("version_old", Level::Wrong)),
            ("5.7.44", ("version_old", Level::Wrong)),
            ("9.1.0", ("version", Level::Ok)),
            ("something", ("version_unknown", Level::Warning)),
        ];
        for (text, expected) in cases {
            assert_eq!(codes(|say| version(text, say)), [expected], "{text}");
        }
    }

    #[test]
    fn a_server_that_refuses_writes_is_wrong() {
        assert_eq!(
            codes(|say| writable(
                &of(&[("read_only", "OFF"), ("log_bin", "OFF"), ("binlog_format", "STATEMENT")]),
                say
            )),
            []
        );
        assert_eq!(
            codes(|say| writable(&of(&[("read_only", "ON")]), say)),
            [("read_only", Level::Wrong)]
        );
        let statements = of(&[("log_bin", "ON"), ("binlog_format", "STATEMENT")]);
        assert_eq!(
            codes(|say| writable(&statements, say)),
            [("binlog_format", Level::Wrong)]
        );
    }

    #[test]
    fn what_a_power_cut_takes_is_told() {
        let sound = of(&[
            ("innodb_flush_log_at_trx_commit", "1"),
            ("log_bin", "OFF"),
            ("sync_binlog", "0"),
        ]);
        assert_eq!(codes(|say| durable(&sound, say)), [("durable", Level::Ok)]);
        let careless = of(&[
            ("innodb_flush_log_at_trx_commit", "2"),
            ("log_bin", "ON"),
            ("sync_binlog", "0"),
            ("innodb_doublewrite", "OFF"),
        ]);
        let expected = ["flush", "sync_binlog", "doublewrite"].map(|code| (code, Level::Warning));
        assert_eq!(codes(|say| durable(&careless, say)), expected);
    }

    #[test]
    fn texts_in_the_binary_log_are_told() {
        for (name, log_bin, expected) in [
            (
                "binlog_annotate_row_events",
                "ON",
                vec![("binlog_texts", Level::Warning)],
            ),
            (
                "binlog_rows_query_log_events",
                "ON",
                vec![("binlog_texts", Level::Warning)],
            ),
            ("binlog_annotate_row_events", "OFF", Vec::new()),
        ] {
            assert_eq!(
                codes(|say| lean(&of(&[("log_bin", log_bin), (name, "ON")]), say)),
                expected
            );
        }
    }

    #[test]
    fn rows_are_held_for_too_long() {
        let judged = |seconds| codes(|say| held(Hold { session: 7, seconds }, say));
        assert_eq!(judged(LONG_S), []);
        assert_eq!(judged(LONG_S + 1), [("rows_held", Level::Warning)]);
    }

    #[test]
    fn an_instance_needs_room() {
        let of = |limit: &str, open: &str| of(&[("max_connections", limit), ("threads_connected", open)]);
        let cases = [
            ("151", "20", Level::Ok),
            ("151", "140", Level::Warning),
            ("151", "151", Level::Wrong),
            ("10", "1", Level::Wrong),
        ];
        for (limit, open, level) in cases {
            assert_eq!(
                codes(|say| room(&of(limit, open), 4, say)),
                [("sessions", level)],
                "{limit} {open}"
            );
        }
        let small = self::of(&[("max_prepared_stmt_count", "1000"), ("max_allowed_packet", "1048576")]);
        let expected = ["prepared_statements", "packet"].map(|code| (code, Level::Warning));
        assert_eq!(codes(|say| room(&small, 4, say)), expected);
    }
}
