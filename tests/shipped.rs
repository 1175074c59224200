//! What each of the smaller shipped captures is there to show, through the front door: absence, doubt and ways of meeting
//! that the others have not.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::Command;

use serde_json::{Value, json};

#[test]
fn a_join_in_the_browser_is_one() {
    for name in ["browser-join", "webinar-invitation"] {
        let report = inspect(name);
        let meeting = only(&report["meetings"]);
        assert_eq!(
            (&meeting["kind"], &meeting["start_rule"], &meeting["media"]),
            (&json!("browser"), &json!("gateway_contact"), &json!([])),
            "{name}"
        );
        let media = flows_of(&report, meeting);
        assert_eq!(media.len(), 2, "{name}");
        // The certificate in DTLS names the gateway.
        for flow in media {
            let names = flow["names"].as_array().unwrap();
            assert!(names.iter().any(|of| of["origin"] == "certificate" && of["name"] == "fr.zoom.us"));
        }
    }
}

#[test]
fn third_parties_of_a_mail_are_not_tied_to_the_client() {
    let report = inspect("webinar-invitation");
    let third: Vec<&str> = destinations(&report)
        .filter(|of| of["whose"] == "not_attributable")
        .map(|of| of["host_pattern"].as_str().unwrap())
        .collect();
    assert_eq!(third, ["*.ct.sendgrid.net", "*.cookielaw.org"]);
    assert_eq!(report["headline"]["third_parties_possible"], 1);
    // The pixel and the click.
    let sendgrid = destinations(&report).find(|of| of["host_pattern"] == "*.ct.sendgrid.net").unwrap();
    assert_eq!(sendgrid["flows"], 2);
}

#[test]
fn the_upload_of_a_report_goes_to_a_web_host_in_the_united_states() {
    let report = inspect("trust-and-safety");
    let upload = destinations(&report).find(|of| of["host_pattern"] == "www3.zoom.us").unwrap();
    assert_eq!(
        (&upload["place"]["located"], &upload["place"]["grade"], &upload["service"]),
        (&json!(["US"]), &json!("likely"), &json!("web"))
    );
    assert!(upload["bytes_out"].as_u64().unwrap() > 50_000, "{}", upload["bytes_out"]);
    assert!(upload["bytes_out"].as_u64() > upload["bytes_in"].as_u64().map(|bytes| bytes * 10));
}

#[test]
fn what_a_traveller_sends_does_not_leave_the_eea() {
    let report = inspect("traveller");
    assert_eq!(report["quality"]["vantage"]["axis"], "outside");
    let last = report["headline"]["lines"].as_array().unwrap().last().unwrap();
    assert_eq!(last, "This client was not in the EEA; nothing here *leaves* it.");
    // The day is near that of the database: round trips are used.
    assert_eq!(report["quality"]["round_trips_unused"], json!({}));
}

#[test]
fn a_capture_joined_midway_claims_neither_start_nor_end() {
    let report = inspect("joined-midway");
    let meeting = only(&report["meetings"]);
    assert_eq!(
        (&meeting["start_rule"], &meeting["end_rule"], &meeting["key"]),
        (&json!("media_joined_midway"), &json!("capture_end"), &Value::Null)
    );
    let quality = &report["quality"];
    assert_eq!(
        (&quality["flows_joined_midway"], &quality["client_flows_without_name"]),
        (&json!(7), &json!(7))
    );
    let media = destinations(&report).find(|of| of["service"] == "media").unwrap();
    assert_eq!(media["place"]["axis"], "undetermined", "without its name nothing places it");
}

#[test]
fn a_machine_without_ipv4_is_placed_by_the_addresses_that_are_spelt() {
    let report = inspect("ipv6-only");
    let located = |service: &str| {
        let of = destinations(&report).find(|of| of["service"] == service).unwrap();
        (of["place"]["located"].clone(), of["addresses"][0].as_str().unwrap().to_owned())
    };
    assert_eq!(located("media"), (json!(["DE"]), "2620:123:2041:140:213:244:140:139".to_owned()));
    assert_eq!(
        located("telemetry"),
        (json!(["US"]), "64:ff9b::3eb:6028".to_owned()),
        "behind the translator"
    );
}

#[test]
fn a_vpn_is_suspected_where_nothing_is_recognised() {
    let report = inspect("through-a-vpn");
    assert_eq!(report["headline"]["recognised"], false);
    assert_eq!(report["headline"]["lines"][0], "No Zoom traffic recognised.");
    assert_eq!((&report["sessions"], &report["destinations"]), (&json!([]), &json!([])));
    let suspicion = only(&report["quality"]["vpn_or_proxy_suspected"]);
    assert_eq!((&suspicion["kind"], &suspicion["flows"]), (&json!("encrypted_tunnel"), &json!(1)));
    let says = suspicion["says"].as_str().unwrap();
    assert!(says.starts_with("WireGuard between 192.168.1.20 and 198.51.100.51"), "{says}");
    let status = |condition: &str| run("through-a-vpn", &["--fail-on", condition]).status.code();
    assert_eq!(status("nothing-recognised"), Some(1));
    assert_eq!(status("outside"), Some(0), "absence is no finding, and no all-clear either");
}

#[test]
fn no_other_shipped_capture_suspects_a_vpn() {
    for name in ["browser-join", "ipv6-only", "joined-midway", "traveller", "trust-and-safety"] {
        assert_eq!(inspect(name)["quality"]["vpn_or_proxy_suspected"], json!([]), "{name}");
    }
}

fn run(name: &str, options: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_borderpost"))
        .args(["inspect", "--format", "json"])
        .args(options)
        .arg(format!("captures/{name}.pcapng"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn inspect(name: &str) -> Value {
    serde_json::from_slice(&run(name, &[]).stdout).unwrap()
}

fn only(list: &Value) -> &Value {
    let [one] = &list.as_array().unwrap()[..] else { return &Value::Null };
    one
}

fn destinations(report: &Value) -> impl Iterator<Item = &Value> {
    report["destinations"].as_array().unwrap().iter()
}

fn flows_of<'a>(report: &'a Value, meeting: &Value) -> Vec<&'a Value> {
    let of = meeting["flows"].as_array().unwrap();
    report["flows"].as_array().unwrap().iter().filter(|flow| of.contains(&flow["id"])).collect()
}
