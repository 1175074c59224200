//! The page that a comparison makes, in Markdown.
//!
//! Input: what was measured, and where. Output: text. Must not: measure, or open a file.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures::{Figure, Group, Measured, figures};
use crate::jobs::{CAT, OURS, TCPDUMP};
use crate::machine::Machine;
use crate::measure::Cost;

/// How it was measured.
#[derive(Debug)]
pub(crate) struct Setting {
    /// On what.
    pub(crate) machine: Machine,
    /// The public tools, with their versions.
    pub(crate) tools: Vec<String>,
    /// Tools that are not installed.
    pub(crate) missing: Vec<&'static str>,
    /// How often each command was run.
    pub(crate) rounds: usize,
}

/// The whole page.
pub(crate) fn page(measured: &Measured, setting: &Setting) -> String {
    let mut page = setting.text();
    page.push_str("\n| # | figure | goal | found | |\n| --- | --- | --- | --- | --- |\n");
    for figure in figures(measured) {
        page.push_str(&row(&figure));
    }
    for group in &measured.groups {
        page.push_str(&table(group));
    }
    page
}

impl Setting {
    fn text(&self) -> String {
        let Self { machine, tools, missing, rounds } = self;
        let missing = match &missing[..] {
            [] => String::new(),
            missing => format!(" Not installed: {}.", missing.join(", ")),
        };
        format!(
            "{machine} Files in the page cache; rounds, interleaved: {rounds}. \
             Tools: {}.{missing}\n",
            tools.join("; ")
        )
    }
}

fn row(figure: &Figure) -> String {
    let Figure { number, what, goal, found } = figure;
    let found = found.map_or_else(String::new, |found| format!("{found:.2}"));
    format!("| {number} | {what} | {goal} | {found} | {} |\n", figure.verdict())
}

fn table(group: &Group) -> String {
    let Group { workload, mebibytes, packets, rows, .. } = group;
    let mut table = format!(
        "\n`{workload}`, {mebibytes} MiB, {packets} packets:\n\n\
         | | CPU s | wall s | peak MiB | CPU to `{CAT}` | to `{TCPDUMP}` | to ours |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    let beside = [CAT, TCPDUMP, OURS].map(|label| group.cost(label));
    for (label, cost) in rows {
        let ratios = beside.map(|other| ratio(*cost, other)).join(" | ");
        let Cost { cpu, wall, peak } = cost;
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| `{label}` | {} | {} | {} | {ratios} |",
            seconds(*cpu),
            seconds(*wall),
            peak.div_ceil(1024)
        );
    }
    table
}

fn ratio(cost: Cost, other: Option<Cost>) -> String {
    let other = other.filter(|other| !other.cpu.is_zero());
    other.map_or_else(String::new, |other| format!("{:.2}", cost.cpu.div_duration_f64(other.cpu)))
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

#[cfg(test)]
#[allow(
    dead_code,
    unused_imports,
    reason = "run in tests/compare.rs; a benchmark is built with `test` and without the harness"
)]
mod tests {
    use super::*;
    use crate::jobs::{NDPI_CSV, OURS_ON_TWO, Scale};

    fn cost(millis: u64) -> Cost {
        Cost { cpu: Duration::from_millis(millis), wall: Duration::from_millis(2 * millis), peak: 90 * 1024 }
    }

    fn group(workload: &'static str, scale: Scale, rows: Vec<(&'static str, Cost)>) -> Group {
        Group { workload, scale, mebibytes: 1024, packets: 4 * 1024, rows }
    }

    fn found(measured: &Measured, number: u8, what: &str) -> (Option<f64>, &'static str) {
        let all = figures(measured);
        let mut figures = all.iter().filter(|figure| figure.number == number && figure.what.contains(what));
        let figure = figures.next().expect(what);
        assert_eq!(figures.next(), None, "{what} is not one figure");
        (figure.found, figure.verdict())
    }

    #[test]
    fn ratios_are_of_one_workload_and_one_scale() {
        let groups = vec![
            group("mixed", Scale::Full, vec![(OURS, cost(400)), (CAT, cost(100)), (TCPDUMP, cost(320))]),
            group("mixed", Scale::Middle, vec![(OURS, cost(100)), (NDPI_CSV, cost(990))]),
        ];
        let measured = Measured { groups, ..Measured::default() };
        assert_eq!(found(&measured, 1, "`tcpdump"), (Some(1.25), "reached"));
        assert_eq!(found(&measured, 1, "`cat`"), (Some(4.0), "not reached"));
        assert_eq!(found(&measured, 1, "`ndpi"), (Some(9.9), "not reached"));
        assert_eq!(found(&measured, 1, "`mercury"), (None, "not measured"));
        assert_eq!(found(&measured, 2, "`tcpdump"), (None, "not measured"));
    }

    #[test]
    fn threads_are_judged_by_wall_time_by_cpu_time_and_by_the_reports() {
        let two = Cost { cpu: Duration::from_millis(420), wall: Duration::from_millis(400), peak: 1 };
        let rows = vec![(OURS, cost(400)), (OURS_ON_TWO, two)];
        let groups = vec![group("flows", Scale::Full, rows)];
        let measured = Measured { groups, differing: vec![("flows", 1)], ..Measured::default() };
        assert_eq!(found(&measured, 5, "flows, 1024 MiB: wall"), (Some(2.0), "reached"));
        assert_eq!(found(&measured, 5, "flows, 1024 MiB: CPU"), (Some(1.05), "reached"));
        assert_eq!(found(&measured, 5, "flows: reports"), (Some(1.0), "not reached"));
        assert_eq!(found(&measured, 5, "mixed: reports"), (None, "not measured"));
        // 26 MiB beyond 64 for 1024 flows.
        assert_eq!(found(&measured, 4, "bytes a flow"), (Some(26.0 * 1024.0), "not reached"));
    }

    #[test]
    fn every_number_is_there_and_none_is_reached_unmeasured() {
        let all = figures(&Measured::default());
        assert!((1..=9).all(|number| all.iter().any(|figure| figure.number == number)));
        assert!(all.iter().all(|figure| figure.verdict() == "not measured"));
    }

    #[test]
    fn medians_are_taken_of_each_figure_alone() {
        let costs = [cost(3), Cost { peak: 1, ..cost(1) }, Cost { peak: 7, ..cost(2) }];
        assert_eq!(Cost::medians(&costs), Some(Cost { peak: 7, ..cost(2) }));
        assert_eq!(Cost::medians(&[]), None);
    }

    #[test]
    fn a_table_has_its_ratios() {
        let rows = vec![(OURS, cost(400)), (CAT, cost(100))];
        let table = table(&group("mixed", Scale::Full, rows));
        assert!(table.contains("| `cat` | 0.100 | 0.200 | 90 | 1.00 |  | 0.25 |\n"), "{table}");
    }
}
