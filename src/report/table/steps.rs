//! The table's part on the steps of the tester's script.

use crate::report::schema::{Report, Step};
use crate::report::table::{INDENT, Page};
use crate::report::text::{clean, plural, size};

impl Page {
    pub(super) fn steps(&mut self, report: &Report) {
        if report.steps.is_empty() {
            return;
        }
        self.title("Steps of the scenario");
        for step in &report.steps {
            self.step(step);
        }
    }

    fn step(&mut self, s: &Step) {
        self.wrapped(&clean(&s.label), &format!("{:>3}. ", s.id), INDENT);
        for (label, text) in self.step_fields(s) {
            self.field(label, &text);
        }
    }

    /// When and where a step was, what began in it, and what is to be said about it.
    pub(in crate::report) fn step_fields(&self, s: &Step) -> Vec<(&'static str, String)> {
        let frames = self.step_frames(s);
        let time = |time: &Option<String>| time.clone().unwrap_or("time unknown".to_owned());
        let flows = plural(s.client_flows, "flow", "flows");
        let beside = match s.unattributed_flows {
            0 => String::new(),
            more => format!(", {} not tied to it", plural(more, "flow", "flows")),
        };
        let others = plural(s.other_flows, "flow", "flows");
        let bytes = match s.client_flows {
            0 => String::new(),
            _ => format!("; the client's {} out, {} in", size(s.bytes_out), size(s.bytes_in)),
        };
        let mut fields = vec![
            ("", format!("{} to {}", time(&s.start), time(&s.end))),
            ("", format!("{frames}; {}", marked(s))),
            ("began", format!("{flows} of the client{beside}, {others} of others{bytes}")),
        ];
        if !s.destinations.is_empty() {
            let ids: Vec<String> = s.destinations.iter().map(ToString::to_string).collect();
            fields.push(("to", format!("destinations {}", ids.join(", "))));
        }
        if s.exclusive {
            fields.push(("", "only the client did anything in it, by the tester's word".to_owned()));
        }
        fields.extend(s.note.as_deref().map(|note| ("note", clean(note))));
        fields
    }

    /// Its frames, where it has any.
    pub(in crate::report) fn step_frames(&self, s: &Step) -> String {
        match (s.start_frame, s.end_input.zip(s.end_frame)) {
            (Some(first), Some(last)) => self.frames((s.input, first), last),
            _ if self.has_many_inputs => format!("no frame, in [{}]", s.input),
            _ => "no frame".to_owned(),
        }
    }
}

/// Who marked a step.
pub(in crate::report) fn marked(s: &Step) -> String {
    match (&s.file, s.line) {
        (Some(file), Some(line)) => format!("marked in {}, line {line}", clean(file)),
        _ if s.source == "comment" => "marked by the packet's comment".to_owned(),
        _ => "marked by --mark".to_owned(),
    }
}
