//! Sealed in good order, and wrong all the same: whoever holds the database can write a journal whose seals fit, but not one
//! whose grams do.

use super::finished::finished;
use super::forgery::{Forgery, hex};
use super::scratch::Finished;
use carbon_gateway::ledger::entry::{Entry, EntryKind, Figure};
use carbon_gateway::ledger::idempotency::{Answer, KEPT_MS, Keyed, answer_digest};
use carbon_gateway::ledger::ids::Hash;
use carbon_gateway::ledger::select::Choice;
use carbon_gateway::ledger::transaction::Kind;
use carbon_gateway::ledger::trip::TripRecord;
use carbon_gateway::methodology::units::Amount;

/// What `verify` says of a shard that was rewritten.
async fn told(finished: &Finished, shard: u8, forge: impl AsyncFnOnce(&mut Forgery)) -> String {
    let scratch = finished.scratch();
    let mut forgery = Forgery::open(&scratch, shard).await;
    forge(&mut forgery).await;
    forgery.seal().await;
    let report = finished.judge(&scratch.path(), false).await.unwrap();
    let failed = report.checks.iter().filter(|check| !check.ok);
    let details: Vec<&str> = failed.map(|check| check.detail.as_str()).collect();
    let told = details.join("\n");
    assert_eq!(report.ok, !told.contains("shard "), "{told}");
    assert!(!told.contains("the seal does not fit"), "{told}");
    told
}

fn more(amount: Amount) -> Amount {
    Amount::from_micrograms(amount.micrograms() + 1)
}

fn finds(told: &str, what: &str) {
    assert!(told.contains(what), "not {what:?} in\n{told}");
}

/// Adds a microgram to amount and postings of an entry.
fn add_one(entry: &mut Entry) {
    entry.amount = more(entry.amount);
    for figure in [Figure::Collected, Figure::Issued] {
        let posting = entry
            .postings
            .iter_mut()
            .find(|posting| posting.figure == figure)
            .unwrap();
        posting.amount = more(posting.amount);
    }
}

#[tokio::test]
async fn an_issue_of_a_microgram_too_much_is_found() {
    let finished = finished().await;
    let out = told(&finished, 10, async |forgery| {
        let (seq, ..) = forgery.entry(EntryKind::Collected, 0);
        let mut issue = forgery.transaction(seq).await;
        issue.outputs[0].amount_ug += 1;
        forgery.replace(seq, &issue).await;
    })
    .await;
    finds(&out, "it does not balance");
    let both = told(&finished, 10, async |forgery| {
        let (seq, _, entry) = forgery.entry(EntryKind::Collected, 0);
        add_one(entry);
        let mut issue = forgery.transaction(seq).await;
        issue.outputs[0].amount_ug += 1;
        issue.sources[0].amount_ug += 1;
        forgery.replace(seq, &issue).await;
    })
    .await;
    finds(&both, "its sources are not what their trips earned");
    finds(&both, "the entry's postings");
    assert!(!both.contains("it does not balance"), "{both}");
}

#[tokio::test]
async fn a_posting_of_a_microgram_too_much_is_found() {
    let finished = finished().await;
    for (shard, kind, what) in [
        (10, EntryKind::Collected, "the entry's postings"),
        (10, EntryKind::Redeemed, "the entry's postings"),
        (10, EntryKind::Received, "differing: the postings"),
        (5, EntryKind::Expired, "the entry's postings"),
        (5, EntryKind::Lapsed, "differing: the postings"),
    ] {
        let told = told(&finished, shard, async |forgery| {
            let (_, _, entry) = forgery.entry(kind, 0);
            entry.postings[0].amount = more(entry.postings[0].amount);
        })
        .await;
        finds(&told, what);
    }
}

#[tokio::test]
async fn credit_of_somebody_else_cannot_be_spent() {
    let finished = finished().await;
    let told = told(&finished, 5, async |forgery| {
        let others = forgery
            .bytes("SELECT hash FROM credit_{} WHERE user_id = 5 ORDER BY amount_ug DESC LIMIT 1")
            .await;
        let (seq, ..) = forgery.entry(EntryKind::Redeemed, 0);
        let mut redeem = forgery.transaction(seq).await;
        redeem.inputs[0] = Hash::from_slice(&others).unwrap();
        redeem.inputs.sort_unstable();
        forgery.replace(seq, &redeem).await;
    })
    .await;
    finds(&told, "is not the orderer's");
}

#[tokio::test]
async fn what_is_spent_cannot_be_spent_again() {
    let finished = finished().await;
    let told = told(&finished, 10, async |forgery| {
        let (seq, _, entry) = forgery.entry(EntryKind::Redeemed, 0);
        let entry = entry.clone();
        let mut again = forgery.transaction(seq).await;
        again.reason = "once more".to_owned();
        forgery.append_transaction(seq, entry, &again).await;
    })
    .await;
    finds(&told, "is not unspent: it was consumed before, or never made");
    finds(&told, "no entry behind this redemption says that the sink received it");
}

#[tokio::test]
async fn a_claim_cannot_be_collected_twice() {
    let finished = finished().await;
    let told = told(&finished, 10, async |forgery| {
        let (seq, _, entry) = forgery.entry(EntryKind::Collected, 0);
        let entry = entry.clone();
        let mut again = forgery.transaction(seq).await;
        again.reason = "once more".to_owned();
        forgery.append_transaction(seq, entry, &again).await;
    })
    .await;
    finds(&told, "waits: it was issued before, has lapsed, or never was");
}

#[tokio::test]
async fn an_open_claim_cannot_lapse_nor_a_closed_one_be_collected() {
    let finished = finished().await;
    let lapsed = told(&finished, 10, async |forgery| {
        let (seq, at_ms, entry) = forgery.entry(EntryKind::TripBooked, 12);
        let mut lapse = entry.clone();
        let record = forgery
            .bytes(&format!("SELECT record FROM trip_{{}} WHERE seq = {seq}"))
            .await;
        lapse.kind = EntryKind::Lapsed;
        "gateway".clone_into(&mut lapse.actor);
        lapse.postings = TripRecord::decode(&record).unwrap().claimed_postings(Figure::Lapsed);
        let at_ms = forgery.last_ms().max(at_ms);
        forgery.append(at_ms, vec![lapse]);
        forgery.run(&format!("DELETE FROM claim_{{}} WHERE seq = {seq}")).await;
    })
    .await;
    finds(&lapsed, "lapses a claim whose window is not over");
    assert!(!lapsed.contains("differing: the"), "{lapsed}");
    // Booked nine days later, behind the window of a week.
    let collected = told(&finished, 3, async |forgery| {
        let (seq, at_ms, _) = forgery.entry(EntryKind::Collected, 0);
        let late_ms = at_ms + 9 * 86_400_000;
        let mut issue = forgery.transaction(seq).await;
        issue.booked_ms = late_ms;
        forgery.replace(seq, &issue).await;
        forgery.postpone(seq, late_ms);
    })
    .await;
    finds(&collected, "was not open");
}

#[tokio::test]
async fn an_expired_credit_can_only_expire_and_no_other_can() {
    let finished = finished().await;
    let spent = told(&finished, 5, async |forgery| {
        let (seq, at_ms, entry) = forgery.entry(EntryKind::Expired, 0);
        entry.kind = EntryKind::Redeemed;
        let mut redeem = forgery.transaction(seq).await;
        redeem.kind = Kind::Redeem;
        assert_eq!(redeem.booked_ms, at_ms);
        forgery.replace(seq, &redeem).await;
    })
    .await;
    finds(&spent, "had expired");
    let early = told(&finished, 10, async |forgery| {
        let (seq, _, entry) = forgery.entry(EntryKind::Merged, 0);
        entry.kind = EntryKind::Expired;
        let mut expire = forgery.transaction(seq).await;
        expire.kind = Kind::Expire;
        expire.outputs.clear();
        forgery.replace(seq, &expire).await;
    })
    .await;
    finds(&early, "had not expired");
}

#[tokio::test]
async fn an_answer_says_what_was_done() {
    let finished = finished().await;
    let told = told(&finished, 10, async |forgery| {
        let from = "FROM idempotency WHERE shard = {} AND substr(hex(answer), 3, 2) = '02' ORDER BY seq LIMIT 1";
        let key = Hash::from_slice(&forgery.bytes(&format!("SELECT key_digest {from}")).await).unwrap();
        let request = Hash::from_slice(&forgery.bytes(&format!("SELECT request_digest {from}")).await).unwrap();
        let kept = Answer::decode(&forgery.bytes(&format!("SELECT answer {from}")).await).unwrap();
        let Answer::Redeem { content_id, choice } = kept else {
            unreachable!()
        };
        assert_ne!(choice, Choice::Exact);
        let choice = Choice::Exact;
        let answer = Answer::Redeem { content_id, choice }.encode().unwrap();
        forgery.answer_anew(&key, answer_digest(&Keyed { key, request }, &answer));
        let sql = format!(
            "UPDATE idempotency SET answer = x'{}' WHERE key_digest = x'{key}'",
            hex(&answer)
        );
        forgery.run(&sql).await;
    })
    .await;
    finds(&told, "the answer is not what was done");
}

#[tokio::test]
async fn answers_may_go_after_thirty_days_and_not_be_given_anew_before() {
    let finished = finished().await;
    for (wait_ms, sound) in [(KEPT_MS, true), (KEPT_MS - 1, false)] {
        let told = told(&finished, 3, async |forgery| {
            let late_ms = forgery.last_ms() + wait_ms;
            // The second answer of the rider found nothing to collect: it stands by itself.
            let nothing = forgery.entry(EntryKind::Answered, 1).2.clone();
            let key = nothing.reference.unwrap();
            let seq = forgery.append(late_ms, vec![nothing]);
            forgery
                .run(&format!(
                    "UPDATE idempotency SET seq = {seq}, at_ms = {late_ms} WHERE key_digest = x'{key}'"
                ))
                .await;
            if sound {
                forgery
                    .run(&format!(
                        "DELETE FROM idempotency WHERE shard = {{}} AND key_digest <> x'{key}'"
                    ))
                    .await;
            }
        })
        .await;
        assert_eq!(told.trim().is_empty(), sound, "{told}");
        assert_eq!(told.contains("anew within 30 days"), !sound, "{told}");
    }
}
