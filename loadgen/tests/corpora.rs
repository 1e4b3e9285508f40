//! The ratios in scenarios/corpora/README.md are those of the generators.

use std::collections::BTreeMap;

use loadgen::corpus::Corpus;
use loadgen::payload::{Content, Medium, PayloadSource, Stamping};
use wire::{Context, Deflater, Direction, Opcode};

const MESSAGES: u32 = 4000;
/// Figures of the document may be off by this share.
const TOLERANCE: f64 = 0.05;

/// Mean bytes of a message, and what compression makes of 4,000 of them: bytes as plain frames / bytes as compressed frames.
fn measure(corpus: Corpus) -> [f64; 3] {
    // As a scenario without a size sends them, stamps and all.
    let sizes = matches!(corpus, Corpus::Words | Corpus::Random).then_some(128..=128);
    let medium = if corpus.is_binary() { Medium::Binary } else { Medium::Text };
    let source = PayloadSource::new(Content::Generated { corpus, sizes }, medium, Stamping::Stamped, 1).unwrap();
    let ratio = |context| {
        let mut deflater = Deflater::new(Direction { context, window_bits: 15 }, 6);
        let (mut payload, mut compressed) = (Vec::new(), Vec::new());
        let (mut plain_frames, mut frames) = (Vec::new(), Vec::new());
        let mut sums = [0usize; 3];
        for seq in 0..MESSAGES {
            payload.clear();
            compressed.clear();
            plain_frames.clear();
            frames.clear();
            source.render(0, seq, 7, &mut payload);
            deflater.deflate(&payload, &mut compressed);
            wire::append_frame(&mut plain_frames, Opcode::Binary, &payload);
            wire::append_frame(&mut frames, Opcode::Binary, &compressed);
            for (sum, n) in sums.iter_mut().zip([payload.len(), plain_frames.len(), frames.len()]) {
                *sum += n;
            }
        }
        (sums[0] as f64 / f64::from(MESSAGES), sums[1] as f64 / sums[2] as f64)
    };
    let ((mean, standalone), (_, kept)) = (ratio(Context::Fresh), ratio(Context::Kept));
    [mean, standalone, kept]
}

/// The table of the document: corpus to its three figures.
fn documented() -> BTreeMap<String, [f64; 3]> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/corpora/README.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        let figures = cells.get(2..5)?.iter().map(|cell| cell.parse().ok()).collect::<Option<Vec<f64>>>()?;
        Some((name.to_owned(), figures.try_into().ok()?))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn the_documented_ratios_are_those_of_the_generators() {
    let documented = documented();
    let mut wrong = Vec::new();
    for (name, corpus) in Corpus::NAMED {
        let measured = measure(corpus);
        let [mean, standalone, kept] = measured;
        let row = format!("| `{name}` | {mean:.0} | {standalone:.2} | {kept:.2} |");
        println!("{row}");
        let close = |(said, is): (&f64, &f64)| (said / is - 1.0).abs() <= TOLERANCE;
        if !documented.get(name).is_some_and(|said| said.iter().zip(&measured).all(close)) {
            wrong.push(row);
        }
    }
    assert!(wrong.is_empty(), "scenarios/corpora/README.md should say:\n{}", wrong.join("\n"));
}

#[test]
fn text_corpora_are_as_hard_to_compress_as_such_traffic_is() {
    let [_, standalone, kept] = measure(Corpus::Chat);
    assert!((1.1..1.5).contains(&standalone) && (3.0..6.0).contains(&kept), "{standalone:.2} {kept:.2}");
    let [_, standalone, kept] = measure(Corpus::Random);
    assert!(standalone <= 1.0 && kept <= 1.05, "{standalone:.2} {kept:.2}");
}
