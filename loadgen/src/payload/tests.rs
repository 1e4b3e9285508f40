use super::*;
use crate::payload::file::Cut;
use crate::payload::fill::{PublisherRooms, Surroundings};
use crate::payload::template::pieces;
use wire::stamp::Stamp;

const RUN: u16 = 7;

fn generated(corpus: Corpus, sizes: Option<Sizes>, stamping: Stamping) -> Result<PayloadSource, PayloadError> {
    let medium = if corpus.is_binary() { Medium::Binary } else { Medium::Text };
    PayloadSource::new(Content::Generated { corpus, sizes }, medium, stamping, 42)
}

fn template(text: &str, sizes: Option<Sizes>, stamping: Stamping) -> Result<PayloadSource, PayloadError> {
    let rooms =
        PublisherRooms { first_publisher: 3, room_of: vec![0, 1], names: vec!["ADA/XBT".into(), "say \"hi\"".into()] };
    let fill = Fill::new(pieces(text), sizes, Corpus::Words, Surroundings { rooms, rows: None })?;
    PayloadSource::new(Content::Template(fill), Medium::Text, stamping, 42)
}

fn render(source: &PayloadSource, publisher: u32, seq: u32) -> Vec<u8> {
    let mut out = b"before".to_vec();
    source.render(publisher, seq, RUN, &mut out);
    assert!(out.starts_with(b"before"), "render appends");
    out.split_off(6)
}

#[test]
fn the_same_publish_always_has_the_same_bytes_and_another_one_others() {
    for (name, corpus) in Corpus::NAMED {
        let source = generated(corpus, None, Stamping::Stamped).unwrap();
        assert_eq!(render(&source, 3, 9), render(&source, 3, 9), "{name}");
        assert_ne!(render(&source, 3, 9), render(&source, 3, 10), "{name}");
        assert_ne!(render(&source, 3, 9), render(&source, 4, 9), "{name}");
    }
}

#[test]
fn without_stamps_payloads_still_differ() {
    for (name, corpus) in Corpus::NAMED {
        let source = generated(corpus, None, Stamping::Bare).unwrap();
        let all: std::collections::HashSet<_> = (0..200).map(|seq| render(&source, 0, seq)).collect();
        assert!(all.len() > 195, "{name}: {}", all.len());
        assert!(!source.carries_stamp());
    }
}

#[test]
fn the_stamp_of_every_publish_is_found_in_its_payload() {
    for (name, corpus) in Corpus::NAMED {
        let source = generated(corpus, None, Stamping::Stamped).unwrap();
        for (publisher, seq) in [(0, 0), (3, 77), (u32::MAX, u32::MAX)] {
            let payload = render(&source, publisher, seq);
            let (stamp, _) = Stamp::find(&payload, RUN).unwrap_or_else(|| panic!("{name}: {payload:?}"));
            assert_eq!(stamp, Stamp { run: RUN, publisher, seq }, "{name}");
        }
        assert!(source.carries_stamp());
    }
}

#[test]
fn text_corpora_are_utf8_and_json_corpora_are_json() {
    for (name, corpus) in Corpus::NAMED {
        let source = generated(corpus, None, Stamping::Stamped).unwrap();
        for seq in 0..500 {
            let payload = render(&source, 1, seq);
            if !corpus.is_binary() {
                std::str::from_utf8(&payload).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
            if matches!(corpus, Corpus::Chat | Corpus::Ticks | Corpus::Telemetry) {
                serde_json::from_slice::<serde_json::Value>(&payload)
                    .unwrap_or_else(|e| panic!("{name}: {e}: {}", String::from_utf8_lossy(&payload)));
            }
        }
    }
}

#[test]
fn sizes_are_exact_and_cover_their_range() {
    for (corpus, least) in [(Corpus::Words, 18), (Corpus::Random, 18), (Corpus::Chat, 80)] {
        let exact = generated(corpus, Some(least..=least), Stamping::Stamped).unwrap();
        assert_eq!(render(&exact, 1, 1).len(), least as usize);
        let range = generated(corpus, Some(100..=103), Stamping::Stamped).unwrap();
        let seen: std::collections::BTreeSet<_> = (0..100).map(|seq| render(&range, 1, seq).len()).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [100, 101, 102, 103]);
    }
}

#[test]
fn sized_chat_lines_are_json_of_exactly_that_size() {
    let source = generated(Corpus::Chat, Some(81..=300), Stamping::Stamped).unwrap();
    for seq in 0..2000 {
        let payload = render(&source, 5, seq);
        assert!((81..=300).contains(&payload.len()));
        serde_json::from_slice::<serde_json::Value>(&payload).unwrap();
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let said = |corpus, size| generated(corpus, Some(size..=size), Stamping::Stamped).unwrap_err().to_string();
    assert_eq!(
        said(Corpus::Words, 17),
        "a size of 17 bytes is too small: what must be in every message takes up to 18 bytes"
    );
    assert_eq!(
        said(Corpus::Ticks, 500),
        "messages of the corpus \"ticks\" have sizes of their own: remove `size`, or use a template with {text}"
    );
    assert!(generated(Corpus::Words, Some(1..=1), Stamping::Bare).is_ok());
}

#[test]
fn a_template_is_filled_in() {
    let source =
        template(r#"{"n":{seq},"p":{publisher},"in":"{room}","t":"{stamp}"}"#, None, Stamping::Stamped).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&render(&source, 4, 12)).unwrap();
    assert_eq!(payload["n"], 12);
    assert_eq!(payload["p"], 4);
    assert_eq!(payload["in"], "say \"hi\"");
    let stamp = Stamp::find(payload["t"].as_str().unwrap().as_bytes(), RUN).unwrap().0;
    assert_eq!(stamp, Stamp { run: RUN, publisher: 4, seq: 12 });
    let plain = template("{room} {seq}", None, Stamping::Bare).unwrap();
    assert_eq!(render(&plain, 3, 0), b"ADA/XBT 0");
}

#[test]
fn a_sized_template_grows_its_text() {
    let source = template(r#"{"content":"{text} {stamp}","n":{seq}}"#, Some(128..=512), Stamping::Stamped).unwrap();
    for seq in [0, 9, 1000, u32::MAX] {
        let payload = render(&source, 3, seq);
        assert!((128..=512).contains(&payload.len()));
        let parsed: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(parsed["n"], seq);
        assert!(parsed["content"].as_str().unwrap().len() > 50);
    }
}

#[test]
fn templates_that_cannot_work_are_refused() {
    let said = |text, sizes| template(text, sizes, Stamping::Stamped).unwrap_err().to_string();
    assert_eq!(said("{text}", None), "the template has no {stamp}: add it, or set correlate = \"content\" at the top");
    assert_eq!(
        said("{stamp}", Some(50..=50)),
        "the template has a `size` but no {text} to fill up to it: add {text}, or remove `size`"
    );
    assert_eq!(
        said("{text}{text}{stamp}", Some(50..=50)),
        "the template has several {text}: with a `size` there can be only one"
    );
    assert_eq!(
        said("{text} {stamp} {seq}", Some(20..=90)),
        "a size of 20 bytes is too small: what must be in every message takes up to 30 bytes"
    );
    assert_eq!(
        said("{colour} {stamp}", None),
        "unknown placeholder {colour}: payloads have {text}, {stamp}, {seq}, {publisher}, {room} and {env.NAME}; write \\{ for a brace"
    );
    let whole = Fill::new(pieces("{text}"), None, Corpus::Ticks, Surroundings::default()).unwrap_err();
    assert_eq!(
        whole.to_string(),
        "the corpus \"ticks\" makes whole messages, not {text}: use \"chat\" or \"random\", or remove `template`"
    );
}

#[test]
fn the_lines_of_a_file_are_sent_one_after_the_other() {
    let lines = FileMessages::new(b"one\r\n\n{\"id\":\"{stamp}\"}\nthree", Cut::Lines).unwrap();
    let source = PayloadSource::new(Content::File(lines.clone()), Medium::Text, Stamping::Bare, 1).unwrap();
    let sent: Vec<_> = (0..4).map(|seq| render(&source, 0, seq)).collect();
    assert_eq!(sent, [&b"one"[..], b"{\"id\":\"\"}", b"three", b"one"]);
    assert_eq!(render(&source, 1, 0), b"{\"id\":\"\"}", "publishers begin at different lines");

    let stamped = PayloadSource::new(Content::File(lines), Medium::Text, Stamping::Stamped, 1).unwrap();
    assert!(render(&stamped, 0, 0).starts_with(b"one "));
    let json: serde_json::Value = serde_json::from_slice(&render(&stamped, 0, 1)).unwrap();
    assert!(Stamp::find(json["id"].as_str().unwrap().as_bytes(), RUN).is_some());
}

#[test]
fn a_whole_file_is_one_message_and_bytes_need_binary() {
    let file = FileMessages::new(b"\xff\n\x00", Cut::Whole).unwrap();
    let source = PayloadSource::new(Content::File(file.clone()), Medium::Binary, Stamping::Bare, 1).unwrap();
    assert_eq!(render(&source, 0, 5), b"\xff\n\x00");
    assert_eq!(
        PayloadSource::new(Content::File(file), Medium::Text, Stamping::Bare, 1).unwrap_err(),
        PayloadError::NotText
    );
    assert_eq!(generated(Corpus::Random, None, Stamping::Bare).map(|s| s.is_binary(0, 0)), Ok(true));
    for cut in [Cut::Whole, Cut::Lines] {
        assert_eq!(FileMessages::new(b"", cut).unwrap_err(), PayloadError::Empty);
    }
}

#[test]
fn a_replay_sends_the_recorded_bytes_room_by_room() {
    let trace = Trace::parse(
        concat!(
            "{\"at_us\":0,\"room\":\"a\",\"text\":\"a0\"}\n",
            "{\"at_us\":1,\"room\":\"b\",\"base64\":\"/w==\"}\n",
            "{\"at_us\":2,\"room\":\"a\",\"text\":\"a1\"}\n"
        )
        .as_bytes(),
    )
    .unwrap();
    let content = Content::Replay { trace: Arc::new(trace), first_publisher: 5 };
    let source = PayloadSource::new(content, Medium::Text, Stamping::Bare, 1).unwrap();
    assert_eq!([render(&source, 5, 0), render(&source, 5, 1), render(&source, 5, 2)], [b"a0", b"a1", b"a0"]);
    assert_eq!(render(&source, 6, 0), [0xff]);
    assert!(source.is_binary(6, 0) && !source.is_binary(5, 0));
    assert!(!source.carries_stamp());
}
