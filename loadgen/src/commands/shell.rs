//! Command lines that are shown to be copied.

/// An argument as a shell must be given it: in quotes, where it holds anything that a shell could take for its own.
pub(super) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_=+./:,@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    // Nothing is special between single quotes, so one of them has to stand outside.
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_every_argument_as_it_was() {
        let arguments = [
            "results/chat/capacity-20251122T010203Z",
            "",
            "latency.due.p99 < 50ms",
            "it's",
            "''",
            "a\nb",
            "$HOME",
            "`id`",
            "a;b",
            "!x",
            "{room}",
            "*.toml",
            "~",
            "#x",
            "back\\slash",
            "\"",
            "(a|b)&",
            "k\u{f6}ln",
            "targets.headers={ Cookie = 'a' }",
        ];
        for argument in arguments {
            let script = format!("printf %s {}", quoted(argument));
            let said = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), argument, "{script}");
        }
        assert_eq!(
            ["--axis", "10-2000", "5%", "a=b"].map(quoted),
            ["--axis", "10-2000", "5%", "a=b"],
            "no quotes without need"
        );
    }
}
