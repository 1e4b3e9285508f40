//! `[ab]`: which two variants are compared, in how many runs, and what must come of it.

use crate::compare::{DEFAULT_RUNS, Expectation};
use crate::scenario::error::Fault;
use crate::scenario::file::AbTable;
use crate::scenario::measured::Measured;
use crate::scenario::scalar::At;
use crate::scenario::value::Name;

/// The comparison that a scenario file asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Ab {
    /// Variant of arm a, to which b is compared.
    pub a: String,
    /// Variant of arm b.
    pub b: String,
    /// Valid runs an arm.
    pub runs: u32,
    /// What must hold of b, beside a.
    pub expect: Vec<Expectation>,
}

pub(super) fn resolve(table: &AbTable, variants: &[String], measured: &Measured) -> Result<Ab, Fault> {
    for arm in [&table.a, &table.b] {
        if !variants.contains(&arm.value.0) {
            return Err(unknown(arm, variants));
        }
    }
    if table.a.value == table.b.value {
        return Err(Fault::at(&table.b.span, format!("a and b are both `{}`: name two variants", table.b.value.0))
            .help(format!("to see the noise of this machine: fanout ab FILE --a {0} --b {0}", table.b.value.0)));
    }
    let expect = table
        .expect
        .iter()
        .map(|text| {
            Expectation::parse(&text.value, |path| measured.metric(path))
                .map_err(|e| Fault::at(&text.span, e.to_string()))
        })
        .collect::<Result<_, _>>()?;
    Ok(Ab {
        a: table.a.value.0.clone(),
        b: table.b.value.0.clone(),
        runs: table.runs.as_ref().map_or(DEFAULT_RUNS, |runs| runs.value.0),
        expect,
    })
}

fn unknown(arm: &At<Name>, variants: &[String]) -> Fault {
    let known: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
    let name = &arm.value.0;
    match known.as_slice() {
        [] => Fault::at(&arm.span, format!("there is no variant `{name}`: the file has no [variants.NAME]"))
            .help(format!("write [variants.{name}] with its changes, or with none for the file as it is")),
        _ => Fault::at(&arm.span, format!("there is no variant `{name}`: the file has {}", known.join(", "))),
    }
}
