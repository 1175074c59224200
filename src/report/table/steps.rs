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
        let frames = self.step_frames(s);
        let time = |time: &Option<String>| time.clone().unwrap_or("time unknown".to_owned());
        self.field("", &format!("{} to {}", time(&s.start), time(&s.end)));
        self.field("", &format!("{frames}; {}", marked(s)));
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
        self.field("began", &format!("{flows} of the client{beside}, {others} of others{bytes}"));
        if !s.destinations.is_empty() {
            let ids: Vec<String> = s.destinations.iter().map(ToString::to_string).collect();
            self.field("to", &format!("destinations {}", ids.join(", ")));
        }
        if s.exclusive {
            self.field("", "only the client did anything in it, by the tester's word");
        }
        if let Some(note) = &s.note {
            self.field("note", &clean(note));
        }
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
