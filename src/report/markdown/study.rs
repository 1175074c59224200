//! Markdown of a study: its cells, the matrix of which service went where, the differences.

use crate::report::markdown::Document;
use crate::report::markdown::escape::{code, prose};
use crate::report::schema::{Cell, Report};
use crate::report::table::matrix::{LEGEND, entries, label, stood, traits};

impl Document<'_> {
    pub(super) fn study(&mut self, report: &Report) {
        let Some(study) = &report.study else { return };
        let title = study.title.as_deref().map(|title| format!(": {title}")).unwrap_or_default();
        self.title(&format!("Study{title}"));
        if let Some(manifest) = &study.manifest {
            self.line(&format!("By the manifest {}.", code(manifest)));
            self.line("");
        }
        self.head(&["No.", "Cell", "What is said of it", "To be known"]);
        for cell in &report.cells {
            self.row(&[
                cell.id.to_string(),
                code(&cell.name),
                prose(&traits(cell).join("; ")),
                prose(&known(cell)),
            ]);
        }
        self.matrix(report);
        self.differences(report);
    }

    fn matrix(&mut self, report: &Report) {
        self.title("Matrix: which service went where, in which cell");
        if report.matrix.is_empty() {
            return self.line("No destination in any cell.");
        }
        for text in LEGEND {
            self.item(text);
        }
        self.line("");
        let names = report.cells.iter().map(|cell| format!("{} {}", cell.id, code(&cell.name)));
        let head: Vec<String> = ["Service", "Host"].map(str::to_owned).into_iter().chain(names).collect();
        self.row(&head);
        self.line(&format!("|{}", "---|".repeat(head.len())));
        for row in &report.matrix {
            let tied = if row.whose == "client" { "" } else { ", not tied to the client" };
            let service = prose(&format!("{}{tied}", row.service.replace('_', " ")));
            let entry = |cell: &Cell| {
                let entries: Vec<String> = entries(cell, row).iter().map(|entry| shown(entry)).collect();
                entries.join("; ")
            };
            let cells = report.cells.iter().map(entry);
            let host = row.host_pattern.as_deref().map_or_else(|| prose(&label(row)), code);
            self.row(&[service, host].into_iter().chain(cells).collect::<Vec<_>>());
        }
    }

    fn differences(&mut self, report: &Report) {
        let compared = report.cells.iter().filter(|cell| cell.is_compared()).count();
        if compared < 2 {
            self.title("Differences between cells");
            return self.item("fewer than two cells could be compared");
        }
        self.title(&format!("Differences between cells: {}", report.differences.len()));
        if report.differences.is_empty() {
            self.item("no row reads otherwise in one cell than in another");
        }
        for difference in &report.differences {
            self.item(&difference.says);
        }
    }
}

/// `-` and `(?)` are as the legend says.
fn shown(entry: &str) -> String {
    if entry == "-" { entry.to_owned() } else { prose(entry) }
}

fn known(cell: &Cell) -> String {
    let state = match cell.state {
        "not_read" => Some("none of its captures could be read: not compared".to_owned()),
        "nothing_recognised" => Some("no traffic of the client: not compared".to_owned()),
        _ => None,
    };
    let inputs: Vec<String> = cell.inputs.iter().map(|input| format!("[{input}]")).collect();
    let inputs = (!inputs.is_empty()).then(|| format!("input {}", inputs.join(", ")));
    let limits = (!cell.limits.is_empty()).then(|| format!("incomplete: {}", cell.limits.join("; ")));
    let said = [inputs, state, stood(cell).map(str::to_owned), limits];
    said.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
