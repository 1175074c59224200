//! By the law of which day a flow is read: that of the day on which it began, or the one that the user names.

use std::sync::LazyLock;

use crate::client::Catalogue;
use crate::frame::Date;
use crate::inspect::Settings;
use crate::place;

/// The day by whose law flows of `day` are read; `None` where the capture's clock cannot be right and the user names none.
pub(super) fn law_day(day: Option<Date>, settings: &Settings) -> Option<Date> {
    settings.law_date.or_else(|| day.filter(|day| is_plausible(*day)))
}

/// Whether a capture of the client can be of that day: neither before there was one, nor long after all that is known of it.
pub(super) fn is_plausible(day: Date) -> bool {
    let is_after_all = NEWEST.is_some_and(|newest| day.days_since(newest) > MAX_DAYS_AHEAD);
    Catalogue::since() <= day && !is_after_all
}

/// The day of the newest table. It is asked for with every flow, and the tables are large.
static NEWEST: LazyLock<Option<Date>> =
    LazyLock::new(|| place::tables().into_iter().map(|(_, compiled)| compiled).max());

/// Three years: beyond, nobody knows what the law is then.
const MAX_DAYS_AHEAD: i64 = 1096;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_by(day: &str, law: Option<&str>) -> Option<String> {
        let settings = Settings { law_date: law.map(|law| law.parse().unwrap()), ..Settings::default() };
        law_day(day.parse().ok(), &settings).map(|day| day.to_string())
    }

    #[test]
    fn a_flow_is_read_by_the_law_of_its_day_or_of_the_users() {
        assert_eq!(read_by("2019-09-26", None).as_deref(), Some("2019-09-26"));
        assert_eq!(read_by("2019-09-26", Some("2024-01-01")).as_deref(), Some("2024-01-01"));
    }

    #[test]
    fn a_clock_that_cannot_be_right_has_no_law_but_the_users() {
        for day in ["1970-01-01", "2010-12-31", "2106-02-07"] {
            assert_eq!(read_by(day, None), None, "{day}");
            assert_eq!(read_by(day, Some("2024-01-01")).as_deref(), Some("2024-01-01"));
        }
    }
}
