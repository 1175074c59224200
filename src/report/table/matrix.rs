//! The table's parts on a study: its cells, the matrix of which service went where in which of them, and the differences.

use unicode_width::UnicodeWidthStr;

use crate::report::differences::in_words;
use crate::report::lang::Lang;
use crate::report::schema::{Cell, MatrixRow, Report, Seen};
use crate::report::table::{Page, WIDTH};
use crate::report::text::{clean, cut, wrap};

impl Page {
    pub(super) fn study(&mut self, report: &Report) {
        let Some(study) = &report.study else { return };
        let title = study.title.as_deref().map(|title| format!(": {}", clean(title))).unwrap_or_default();
        self.title(&self.lang.say("Study{title}", &[&title]));
        if let Some(manifest) = &study.manifest {
            self.wrapped(&self.lang.say("by the manifest {}", &[&clean(manifest)]), "  ", "  ");
        }
        self.title(&self.lang.word("Cells, by the numbers used in the matrix"));
        for cell in &report.cells {
            self.cell(cell);
        }
        self.matrix(report);
        self.differences(report);
    }

    fn cell(&mut self, cell: &Cell) {
        let indent = "       ";
        self.wrapped(&clean(&cell.name), &format!("{:>5}. ", cell.id), indent);
        let traits = traits(cell, self.lang);
        if !traits.is_empty() {
            self.wrapped(&traits.join("; "), indent, indent);
        }
        for text in remarks(cell, self.lang) {
            self.wrapped(&text, indent, indent);
        }
    }

    /// As many cells side by side as are readable; the others follow below.
    fn matrix(&mut self, report: &Report) {
        self.title(&self.lang.word("Matrix: which service went where, in which cell"));
        if report.matrix.is_empty() {
            return self.line(&format!("  {}", self.lang.word("No destination in any cell.")));
        }
        for text in LEGEND {
            self.wrapped(&self.lang.word(text), "  ", "  ");
        }
        let has_entry = |cell: &Cell| report.matrix.iter().any(|row| entry_of(cell, row).next().is_some());
        let (shown, left): (Vec<&Cell>, Vec<&Cell>) =
            report.cells.iter().partition(|cell| cell.is_compared() || has_entry(cell));
        if !left.is_empty() {
            let left: Vec<String> = left.iter().map(|cell| cell.id.to_string()).collect();
            self.wrapped(
                &self.lang.say("Not compared, and left out here: {}.", &[&left.join(", ")]),
                "  ",
                "  ",
            );
        }
        // Five are three and two, rather than four and one.
        let bands = shown.len().div_ceil(MAX_COLUMNS).max(1);
        for band in shown.chunks(shown.len().div_ceil(bands).max(1)) {
            self.band(band, &report.matrix);
        }
    }

    fn band(&mut self, cells: &[&Cell], rows: &[MatrixRow]) {
        let width = ((WIDTH - LABEL) / cells.len().max(1)).min(WIDEST);
        let head = |cell: &&Cell| {
            let named = format!("{} {}", cell.id, clean(&cell.name));
            vec![if named.width() < width { named } else { cell.id.to_string() }]
        };
        self.text.push('\n');
        self.columns(&[], &cells.iter().map(head).collect::<Vec<_>>(), width);
        let mut heading = None;
        for row in rows {
            let current = Some((&row.whose, &row.service));
            if heading != current {
                heading = current;
                self.wrapped(&heading_of(row, self.lang), "  ", "  ");
            }
            let fits = |cell: &&Cell| fitted(&entries(cell, row, self.lang), width - 1);
            let entries: Vec<Vec<String>> = cells.iter().map(fits).collect();
            self.columns(&fitted(&[label(row, self.lang)], LABEL - INDENT.len() - 1), &entries, width);
        }
    }

    /// Writes texts of several lines side by side.
    fn columns(&mut self, label: &[String], columns: &[Vec<String>], width: usize) {
        let height = columns.iter().map(Vec::len).chain([label.len()]).max().unwrap_or(0);
        let at = |lines: &[String], line: usize| lines.get(line).cloned().unwrap_or_default();
        for line in 0..height {
            let mut text = padded(&format!("{INDENT}{}", at(label, line)), LABEL);
            for column in columns {
                text.push_str(&padded(&at(column, line), width));
            }
            self.line(&text);
        }
    }

    fn differences(&mut self, report: &Report) {
        let compared = report.cells.iter().filter(|cell| cell.is_compared()).count();
        if compared < 2 {
            self.title(&self.lang.word("Differences between cells"));
            return self.wrapped(&self.lang.word("fewer than two cells could be compared"), "  - ", "    ");
        }
        self.title(&self.lang.say("Differences between cells: {}", &[&report.differences.len()]));
        if report.differences.is_empty() {
            self.wrapped(
                &self.lang.word("no row reads otherwise in one cell than in another"),
                "  - ",
                "    ",
            );
        }
        for difference in &report.differences {
            self.wrapped(&clean(&in_words(difference, report, self.lang)), "  - ", "    ");
        }
    }
}

/// What a reader needs for the matrix.
pub(in crate::report) const LEGEND: &[&str] = &[
    "Each entry: countries, grade, EEA or outside it, listing, and the number of the destination below, with its evidence.",
    "-: nothing of it in that cell's captures, for whatever reason: the script may not have got there.",
    "(?): the cell is not compared.",
];

const INDENT: &str = "    ";
/// The columns that a row's label takes.
const LABEL: usize = 24;
/// Cells side by side.
const MAX_COLUMNS: usize = 4;
/// The widest column of a cell.
const WIDEST: usize = 26;
/// Countries that an entry names.
const MAX_COUNTRIES: usize = 3;

/// What the client's own place means for a cell, unless that place is in the EEA.
pub(in crate::report) fn stood(cell: &Cell) -> Option<&'static str> {
    match cell.vantage_axis {
        Some("eea") => None,
        Some("outside") => Some("the client was not in the EEA; nothing here leaves it"),
        Some(_) => Some("the client's own place is partly in the EEA and partly outside it"),
        None if cell.is_compared() => Some("the client's own place is not known"),
        None => None,
    }
}

/// What is said of a cell, a clause for each trait.
pub(in crate::report) fn traits(cell: &Cell, lang: Lang) -> Vec<String> {
    let named = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| format!("{} {}", lang.word(name), clean(text)))
    };
    let switch = |name: &str, is_on: Option<bool>| {
        is_on.map(|is_on| {
            let name = lang.word(name);
            if is_on { name } else { lang.say("no {name}", &[&name]) }
        })
    };
    let traits = [
        cell.platform.map(str::to_owned),
        named("build", &cell.build),
        named("account", &cell.account),
        switch("single sign-on", cell.sso),
        named("vanity host", &cell.vanity_host),
        switch("end-to-end encryption", cell.e2ee),
        switch("guest", cell.guest),
        switch("file sharing", cell.file_sharing),
        named("client in", &cell.vantage),
        named("account region", &cell.region),
        (!cell.media_regions.is_empty())
            .then(|| lang.say("media regions {}", &[&clean(&cell.media_regions.join(", "))])),
        named("service", &cell.service),
        named("scenario", &cell.scenario),
        named("marks", &cell.marks),
        named("notes:", &cell.notes),
    ];
    traits.into_iter().flatten().collect()
}

/// Its inputs, and what keeps a cell from being compared or from being complete.
pub(in crate::report) fn remarks(cell: &Cell, lang: Lang) -> Vec<String> {
    let inputs: Vec<String> = cell.inputs.iter().map(|input| format!("[{input}]")).collect();
    let state = match cell.state {
        "not_read" => lang.word("! none of its captures could be read: not compared"),
        "nothing_recognised" => {
            lang.say("! input {}: no traffic of the client: not compared", &[&inputs.join(", ")])
        }
        _ => lang.say("input {}", &[&inputs.join(", ")]),
    };
    let stood = stood(cell).map(|stood| format!("! {}", lang.word(stood)));
    let limits =
        (!cell.limits.is_empty()).then(|| lang.say("! incomplete: {}", &[&clean(&limits(cell, lang))]));
    [Some(state), stood, limits].into_iter().flatten().collect()
}

/// What the captures of a cell lack.
pub(in crate::report) fn limits(cell: &Cell, lang: Lang) -> String {
    cell.limits.iter().map(|limit| lang.sentence(limit)).collect::<Vec<_>>().join("; ")
}

/// The service of a row, and that it is not tied to the client.
pub(in crate::report) fn heading_of(row: &MatrixRow, lang: Lang) -> String {
    let service = lang.id(&row.service);
    if row.whose == "client" { service } else { lang.say("{service}, not tied to the client", &[&service]) }
}

pub(in crate::report) fn label(row: &MatrixRow, lang: Lang) -> String {
    match (&row.host_pattern, &row.recipient_name) {
        (Some(pattern), _) => clean(pattern),
        (None, Some(recipient)) => lang.say("{}, no name seen", &[&clean(recipient)]),
        (None, None) => lang.word("no name seen"),
    }
}

pub(in crate::report) fn entry_of<'a>(cell: &Cell, row: &'a MatrixRow) -> impl Iterator<Item = &'a Seen> {
    let id = cell.id;
    row.seen.iter().filter(move |seen| seen.cell == id)
}

/// What stands in a cell of a row, a text for each destination.
pub(in crate::report) fn entries(cell: &Cell, row: &MatrixRow, lang: Lang) -> Vec<String> {
    let entries: Vec<String> = entry_of(cell, row).map(|seen| entry(seen, lang)).collect();
    match (entries.is_empty(), cell.is_compared()) {
        (false, _) => entries,
        (true, true) => vec!["-".to_owned()],
        (true, false) => vec!["(?)".to_owned()],
    }
}

/// `US, likely, outside, unlisted: 3`.
fn entry(seen: &Seen, lang: Lang) -> String {
    let more = seen.located.len().saturating_sub(MAX_COUNTRIES);
    let mut place = seen.located.iter().take(MAX_COUNTRIES).cloned().collect::<Vec<_>>().join("/");
    if more > 0 {
        place = format!("{place}/+{more}");
    }
    let mut parts = match seen.axis.as_str() {
        "eea" => vec![place, lang.id(&seen.grade), lang.word("EEA")],
        "outside" => vec![place, lang.id(&seen.grade), lang.word("outside")],
        axis => vec![lang.id(axis)],
    };
    match seen.listing.as_str() {
        "not_a_recipient" => {}
        listing => parts.push(lang.id(listing)),
    }
    // The number stands beside the last word.
    format!("{}:\u{a0}{}", parts.join(", "), seen.destination)
}

/// Texts one below the other, broken at spaces where they can be and within words, before a dot if possible, where not.
fn fitted(texts: &[String], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for text in texts {
        for line in wrap(text, width, "", "").split('\n') {
            lines.extend(cut(&line.replace('\u{a0}', " "), width));
        }
    }
    lines
}

fn padded(text: &str, width: usize) -> String {
    let gap = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::lang::Lang;
    use crate::report::sample::{cell, matrix_row, report, seen};
    use crate::report::schema::Study;
    use crate::report::table::{Color, table};

    fn shown(cells: u64, pattern: &str) -> String {
        let mut report = report(Vec::new());
        report.study = Some(Study { title: Some("Five".to_owned()), manifest: None });
        report.cells = (1..=cells).map(|id| cell(id, &format!("platform-{id}"))).collect();
        report.matrix =
            vec![matrix_row(pattern, vec![seen(1, "outside", &["US", "CA", "MX", "JP"], "unlisted")])];
        table(&report, Color::Never, Lang::ENGLISH)
    }

    #[test]
    fn no_line_is_wider_than_the_page_however_many_cells() {
        for cells in [1, 2, 3, 4, 5, 9, 40] {
            for pattern in ["*.telemetry.zoom.us", &"x".repeat(200), "日本語日本語日本語日本語日本語.example"]
            {
                let text = shown(cells, pattern);
                let widest = text.lines().map(UnicodeWidthStr::width).max();
                assert!(widest <= Some(WIDTH), "{cells} cells: {text}");
            }
        }
    }

    #[test]
    fn cells_that_do_not_fit_side_by_side_follow_below() {
        let text = shown(5, "*.telemetry.zoom.us");
        assert_eq!(text.matches("    *.telemetry.zoom.us").count(), 2, "{text}");
        assert!(text.contains("US/CA/MX/+1,"), "{text}");
        assert!(text.contains("\nStudy: Five\n"), "{text}");
    }
}
