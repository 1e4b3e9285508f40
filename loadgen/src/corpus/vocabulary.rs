//! The words that made-up messages are made of.

#[rustfmt::skip]
pub(super) const INSTRUMENTS: [(&str, f64, usize); 12] = [
    ("LUMEN-USD", 0.412_6, 4),
    ("TALON-USD", 38_211.5, 2),
    ("TALON-EUR", 35_080.2, 2),
    ("QUARTZ-USD", 1_904.77, 2),
    ("QUARTZ-TALON", 0.049_85, 5),
    ("HALYARD-USD", 12.083, 3),
    ("MERIDIAN-EUR", 86.41, 2),
    ("OSPREY-USD", 214.9, 2),
    ("COBALT-GBP", 3.871, 3),
    ("JUNIPER-USD", 0.007_31, 6),
    ("BASALT-EUR", 540.25, 2),
    ("SORREL-USD", 27.66, 2),
];

#[rustfmt::skip]
pub(super) const SITES: [&str; 8] = [
    "kiln", "dock", "mill", "barn", "tower", "quay", "shaft", "yard",
];

#[rustfmt::skip]
pub(super) const CHANNELS: [(&str, f64, f64); 11] = [
    ("temperature_c", 21.5, 14.0),
    ("humidity", 48.0, 50.0),
    ("pressure_hpa", 1013.0, 40.0),
    ("vibration_mm_s", 2.1, 4.0),
    ("current_a", 7.4, 9.0),
    ("voltage_v", 230.0, 6.0),
    ("flow_l_min", 33.0, 22.0),
    ("co2_ppm", 610.0, 500.0),
    ("rpm", 1480.0, 120.0),
    ("load", 0.55, 0.9),
    ("noise_db", 57.0, 30.0),
];

#[rustfmt::skip]
pub(super) const USERS: [&str; 24] = [
    "mira", "jonas", "teo", "anouk", "priya", "sam", "lucia", "okoro", "wei", "hanne", "dario", "yusuf", "freya",
    "marek", "noor", "elio", "kasia", "tomas", "ines", "ravi", "bea", "linus", "amara", "petra",
];

#[rustfmt::skip]
pub(super) const REACTIONS: [&str; 20] = [
    "lol", "same here", "👍", "yes please", "no way", "thanks!", "on it", "😂😂", "+1", "ok", "brb", "good point",
    "wait, what?", "agreed", "haha true", "see you there", "not sure yet", "🎉", "sounds good", "merci à tous",
];

#[rustfmt::skip]
pub(super) const OPENERS: [&str; 16] = [
    "so", "hey all,", "fyi", "quick question:", "just saw that", "hm,", "update:", "ok so", "I think", "reminder:",
    "honestly,", "anyone know why", "looks like", "turns out", "by the way,", "for what it is worth,",
];

#[rustfmt::skip]
pub(super) const SUBJECTS: [&str; 24] = [
    "the build", "my train", "the demo", "our last release", "the new stream", "someone", "the queue", "this map",
    "the café", "the second half", "the other team", "that bug", "the referee", "the meeting", "the upload",
    "her setup", "the parser", "the bridge", "tonight's show", "the boss fight", "the sensor", "the forecast",
    "their server", "the playlist",
];

#[rustfmt::skip]
pub(super) const VERBS: [&str; 24] = [
    "is stuck at", "just finished", "needs", "keeps missing", "will not survive", "moved to", "breaks",
    "was better than", "is waiting for", "finally fixed", "shows", "depends on", "ate", "is louder than",
    "got ahead of", "forgot", "beats", "started without", "is blocked by", "ended before", "has nothing on",
    "reminds me of", "is 20 minutes behind", "runs past",
];

#[rustfmt::skip]
pub(super) const OBJECTS: [&str; 32] = [
    "the green one", "level 14", "half the tests", "platform 3", "what we said on Monday", "the old version", "lunch",
    "gate B22", "my whole weekend", "the warm-up", "everything I tried", "the Zürich office", "a missing comma",
    "the first goal", "two people", "the left lane", "the last patch", "page 7", "the coffee machine", "all of us",
    "the schedule", "round 5", "that cliff", "the small print", "the backup", "extra time", "10 pm", "the lighthouse",
    "the rain", "chapter two", "the third try", "a restart",
];

#[rustfmt::skip]
pub(super) const JOINERS: [&str; 8] = [
    ", and ", ", but ", " because ", " while ", "; also ", " until ", " so ", " and then ",
];

#[rustfmt::skip]
pub(super) const ENDINGS: [&str; 14] = [
    "", "", "", ".", ".", "!", "?", " :)", " 😅", "...", " again", " right now", ", any ideas?",
    " (same as yesterday)",
];

/// 128 words of English, so that seven bits choose one.
#[rustfmt::skip]
pub(super) const WORDS: [&str; 128] = [
    "about", "after", "again", "air", "all", "along", "also", "always", "animal", "another", "answer", "around",
    "ask", "away", "back", "because", "before", "began", "being", "below", "between", "book", "boy", "build", "call",
    "came", "carry", "change", "city", "close", "come", "could", "country", "cross", "different", "does", "down",
    "each", "earth", "eat", "end", "enough", "even", "every", "example", "eye", "face", "family", "far", "father",
    "feet", "few", "find", "first", "follow", "food", "form", "found", "four", "girl", "give", "good", "great",
    "group", "grow", "hand", "hard", "head", "hear", "help", "high", "home", "house", "idea", "important", "into",
    "just", "keep", "kind", "know", "land", "large", "last", "later", "learn", "leave", "letter", "life", "light",
    "line", "list", "little", "live", "long", "made", "make", "many", "mean", "might", "mile", "mountain", "move",
    "much", "must", "name", "near", "need", "never", "night", "number", "often", "open", "paper", "part", "people",
    "place", "plant", "point", "river", "school", "second", "sentence", "should", "small", "sound", "story", "study",
    "tree",
];
