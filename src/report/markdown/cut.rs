//! A text that fits: as much of a document as a length has room for.
//!
//! Input: the length, and what makes the document with fewer destinations. Output: text. Must not: cut within a line, or leave
//! a fold open.

use crate::report::lang::Lang;

/// How many destinations are shown, from the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// With a row in a table.
    pub(super) rows: usize,
    /// With what they rest on.
    pub(super) evidence: usize,
}

impl Shown {
    /// Everything.
    pub(super) const ALL: Self = Self { rows: usize::MAX, evidence: usize::MAX };

    /// How many of the next destinations have a row, and evidence.
    pub(super) fn take(&mut self, of: usize) -> (usize, usize) {
        let taken = (of.min(self.rows), of.min(self.evidence));
        *self = Self { rows: self.rows - taken.0, evidence: self.evidence - taken.1 };
        taken
    }
}

/// The document, with as much evidence as there is room for; else with as many of its destinations, but the first, the
/// `urgent` ones; else as far as it goes.
pub(super) fn fitted(
    most: usize,
    destinations: usize,
    urgent: usize,
    lang: Lang,
    document: impl Fn(Shown) -> String,
) -> String {
    let whole = document(Shown::ALL);
    if fits(&whole, most) {
        return whole;
    }
    let by_evidence = |evidence| document(Shown { rows: usize::MAX, evidence });
    let by_rows = |rows| document(Shown { rows, evidence: 0 });
    largest(most, 0, destinations, by_evidence)
        .or_else(|| largest(most, urgent, destinations, by_rows))
        .unwrap_or_else(|| shortened(&by_rows(urgent), most, lang))
}

/// The longest text that fits, of at least so many destinations; `None` where the shortest does not.
fn largest(most: usize, least: usize, destinations: usize, make: impl Fn(usize) -> String) -> Option<String> {
    let mut best = Some(make(least)).filter(|text| fits(text, most))?;
    let (mut fitting, mut too_many) = (least, destinations.min(most / LEAST_ROW) + 1);
    while too_many - fitting > 1 {
        let middle = usize::midpoint(fitting, too_many);
        let text = make(middle);
        if fits(&text, most) {
            (best, fitting) = (text, middle);
        } else {
            too_many = middle;
        }
    }
    Some(best)
}

/// The first lines of a text, with the names of the sections that are not there, or not whole.
fn shortened(text: &str, most: usize, lang: Lang) -> String {
    let titles: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(SECTION)).collect();
    let end = |left: &[&str]| {
        let said = lang.say("**Cut here.** Not in this text, or not whole: {}.", &[&left.join("; ")]);
        format!("\n{said}\n")
    };
    let room = most.saturating_sub(end(&titles).chars().count() + UNFOLD.len());
    let (mut kept, mut length, mut begun, mut is_folded) = (String::new(), 0, 0, false);
    for line in text.split_inclusive('\n') {
        length += line.chars().count();
        if length > room {
            break;
        }
        begun += usize::from(line.starts_with(SECTION));
        is_folded = line.starts_with("<details>") || (is_folded && !line.starts_with("</details>"));
        kept.push_str(line);
    }
    if is_folded {
        kept.push_str(UNFOLD);
    }
    kept + &end(titles.get(begun.saturating_sub(1)..).unwrap_or_default())
}

fn fits(text: &str, most: usize) -> bool {
    // A character has a byte at least, so that most texts need not be counted.
    text.len() <= most || text.chars().count() <= most
}

/// What begins a section.
const SECTION: &str = "## ";
const UNFOLD: &str = "\n</details>\n";
/// The characters that a destination takes at least: its number, its bars and its traffic.
const LEAST_ROW: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// A headline, destinations in a table with evidence below, and another section.
    fn document(shown: Shown) -> String {
        let rows = (0..100.min(shown.rows)).map(|n| format!("| {n:3} {} |\n", "r".repeat(40)));
        let evidence = (0..100.min(shown.evidence)).map(|n| format!("- {n:3} {}\n", "e".repeat(100)));
        let (rows, evidence) = (rows.collect::<String>(), evidence.collect::<String>());
        let last = "- é\n".repeat(30);
        format!(
            "# Title\n- answer\n\n## One\n\n{rows}\n<details>\n{evidence}</details>\n\n## Two\n<details>\n{last}</details>\n"
        )
    }

    #[test]
    fn a_text_is_as_long_as_it_may_be_and_no_longer() {
        let whole = document(Shown::ALL);
        let all = whole.chars().count();
        assert_eq!(fitted(all, 100, 1, Lang::ENGLISH, document), whole);
        for most in [all - 1, all / 2, all / 3, 1_000, 400, 300, 200] {
            let text = fitted(most, 100, 1, Lang::ENGLISH, document);
            let length = text.chars().count();
            assert!(length <= most && length + 200 > most, "{most}: {length}");
            assert!(text.starts_with("# Title\n- answer\n"));
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{text}");
        }
    }

    #[test]
    fn evidence_goes_before_rows_and_rows_before_sections() {
        let has = |most: usize| {
            let text = fitted(most, 100, 1, Lang::ENGLISH, document);
            ["| ", "- \u{20} 0 e", "- é", "**Cut here.**"].map(|part| text.matches(part).count())
        };
        let [rows, evidence, last, cut] = has(10_000);
        assert!(rows == 100 && evidence == 1 && last == 30 && cut == 0);
        let [rows, evidence, last, cut] = has(1_500);
        assert!((1..100).contains(&rows) && evidence == 0 && last == 30 && cut == 0);
        let [rows, evidence, last, cut] = has(200);
        assert!(rows == 1 && evidence == 0 && (1..30).contains(&last) && cut == 1);
        assert!(
            fitted(200, 100, 1, Lang::ENGLISH, document)
                .ends_with("**Cut here.** Not in this text, or not whole: Two.\n")
        );
    }
}
