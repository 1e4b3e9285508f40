//! A scene as JSON, for the live page and for programs.

use serde::Serialize;

use super::scene::{Entry, Point, Scene};
use super::snapshot::{Outline, Snapshot};

#[derive(Serialize)]
struct Document<'s> {
    #[serde(flatten)]
    outline: &'s Outline,
    /// Which run of this command it is, from 1: points of different ones do not belong together.
    run: u64,
    total_s: f64,
    ended: bool,
    now: Option<&'s Snapshot>,
    /// What to ask for next: the number of seconds so far.
    next: usize,
    points: Vec<&'s Point>,
    log: Vec<&'s Entry>,
}

/// The scene, with the seconds from number `from` on, as far as they are kept.
#[must_use]
pub fn document(scene: &Scene, from: usize) -> String {
    let document = Document {
        outline: &scene.outline,
        run: scene.run,
        total_s: scene.outline.seconds(),
        ended: scene.ended,
        now: scene.now.as_ref(),
        next: scene.dropped + scene.points.len(),
        points: scene.points.iter().skip(from.saturating_sub(scene.dropped)).collect(),
        log: scene.log.iter().collect(),
    };
    // Strings, numbers and lists: nothing here can fail to become JSON.
    serde_json::to_string(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::live::scene::Update;

    fn scene(seconds: u64) -> Scene {
        let mut scene = Scene::default();
        let outline = Outline { name: "chat-peak".to_owned(), ..Outline::default() };
        scene.take(Update::Begin(Box::new(outline)));
        for second in 1..=seconds {
            scene.take(Update::Second(Box::new(Snapshot {
                phase: "steady".to_owned(),
                elapsed: Duration::from_secs(second),
                total: Some(Duration::from_secs(60)),
                ..Snapshot::default()
            })));
        }
        scene
    }

    fn value(scene: &Scene, from: usize) -> serde_json::Value {
        serde_json::from_str(&document(scene, from)).unwrap()
    }

    #[test]
    fn who_asks_again_is_told_only_what_is_new() {
        let all = value(&scene(5), 0);
        assert_eq!((all["next"].as_u64(), all["points"].as_array().unwrap().len()), (Some(5), 5));
        let rest = value(&scene(5), 4);
        assert_eq!(rest["points"].as_array().unwrap().len(), 1);
        assert_eq!(rest["points"][0]["at_s"], 5.0);
        assert!(value(&scene(5), 99)["points"].as_array().unwrap().is_empty());
    }

    #[test]
    fn before_the_first_second_there_is_an_outline_and_no_more() {
        let value = value(&scene(0), 0);
        assert_eq!(value["name"], "chat-peak");
        assert!(value["now"].is_null() && value["ended"] == false);
    }
}
