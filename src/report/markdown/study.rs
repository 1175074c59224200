//! Markdown of a study: its cells, the matrix of which service went where, the differences.

use crate::report::differences::in_words;
use crate::report::lang::Lang;
use crate::report::markdown::Document;
use crate::report::markdown::escape::{code, prose};
use crate::report::schema::{Cell, Report};
use crate::report::table::matrix::{LEGEND, entries, heading_of, label, limits, stood, traits};

impl Document<'_> {
    pub(super) fn study(&mut self, report: &Report) {
        let Some(study) = &report.study else { return };
        let title = study.title.as_deref().map(|title| format!(": {title}")).unwrap_or_default();
        self.title(&self.words.lang.say("Study{title}", &[&title]));
        if let Some(manifest) = &study.manifest {
            self.line(&self.words.lang.say("By the manifest {}.", &[&code(manifest)]));
            self.line("");
        }
        self.head(&["No.", "Cell", "What is said of it", "To be known"]);
        for cell in &report.cells {
            self.row(&[
                cell.id.to_string(),
                code(&cell.name),
                prose(&traits(cell, self.words.lang).join("; ")),
                prose(&known(cell, self.words.lang)),
            ]);
        }
        self.matrix(report);
        self.differences(report);
    }

    fn matrix(&mut self, report: &Report) {
        self.title(&self.words.lang.word("Matrix: which service went where, in which cell"));
        if report.matrix.is_empty() {
            return self.line(&self.words.lang.word("No destination in any cell."));
        }
        for text in LEGEND {
            self.item(&self.words.lang.word(text));
        }
        self.line("");
        let names = report.cells.iter().map(|cell| format!("{} {}", cell.id, code(&cell.name)));
        let head: Vec<String> =
            ["Service", "Host"].map(|head| self.words.lang.word(head)).into_iter().chain(names).collect();
        self.row(&head);
        self.line(&format!("|{}", "---|".repeat(head.len())));
        for row in &report.matrix {
            let service = prose(&heading_of(row, self.words.lang));
            let entry = |cell: &Cell| {
                let entries: Vec<String> =
                    entries(cell, row, self.words.lang).iter().map(|entry| shown(entry)).collect();
                entries.join("; ")
            };
            let cells = report.cells.iter().map(entry);
            let host = row.host_pattern.as_deref().map_or_else(|| prose(&label(row, self.words.lang)), code);
            self.row(&[service, host].into_iter().chain(cells).collect::<Vec<_>>());
        }
    }

    fn differences(&mut self, report: &Report) {
        let compared = report.cells.iter().filter(|cell| cell.is_compared()).count();
        if compared < 2 {
            self.title(&self.words.lang.word("Differences between cells"));
            return self.item(&self.words.lang.word("fewer than two cells could be compared"));
        }
        self.title(&self.words.lang.say("Differences between cells: {}", &[&report.differences.len()]));
        if report.differences.is_empty() {
            self.item(&self.words.lang.word("no row reads otherwise in one cell than in another"));
        }
        for difference in &report.differences {
            self.item(&in_words(difference, report, self.words.lang));
        }
    }
}

/// `-` and `(?)` are as the legend says.
fn shown(entry: &str) -> String {
    if entry == "-" { entry.to_owned() } else { prose(entry) }
}

fn known(cell: &Cell, lang: Lang) -> String {
    let state = match cell.state {
        "not_read" => Some(lang.word("none of its captures could be read: not compared")),
        "nothing_recognised" => Some(lang.word("no traffic of the client: not compared")),
        _ => None,
    };
    let inputs: Vec<String> = cell.inputs.iter().map(|input| format!("[{input}]")).collect();
    let inputs = (!inputs.is_empty()).then(|| lang.say("input {}", &[&inputs.join(", ")]));
    let incomplete = (!cell.limits.is_empty()).then(|| lang.say("incomplete: {}", &[&limits(cell, lang)]));
    let said = [inputs, state, stood(cell).map(|stood| lang.word(stood)), incomplete];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
