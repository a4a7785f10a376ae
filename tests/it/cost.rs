//! Billing exports taken in, and what they come to: by group, per request and per incident.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use crate::mcp::{END, Piped, at, broken};
use crate::support::{Program, client, recorded, text};

const HEADER: &str = "BillingAccountId,BillingCurrency,ProviderName,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ServiceName,ResourceId,Tags\n";
const HOUR: i64 = 3_600;

/// One charge of the hour that begins then, tagged with a service.
fn charge(start: i64, currency: &str, effective: &str, service: &str) -> String {
    let tags = format!("\"{{\"\"service\"\": \"\"{service}\"\"}}\"");
    format!(
        "123,{currency},Cloud,Usage,{},{},0,{effective},Compute,vm-1,{tags}\n",
        at(start),
        at(start + HOUR)
    )
}

fn cost(program: &Program, arguments: &[&str]) -> Value {
    let output = program.run(&[&["cost", "-o", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

/// Ingests and returns what is said of it.
fn ingested(program: &Program, paths: &[&str]) -> String {
    text(&program.run(&[&["ingest"], paths].concat()).stderr)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A decimal text in units of 10⁻¹⁸.
fn units(text: &str) -> i128 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<18}");
    sign * digits.parse::<i128>().unwrap_or_else(|_| panic!("{text}"))
}

fn of_group(view: &Value, name: &str) -> (i128, i128) {
    let groups = view["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| group["name"] == name);
    let group = group.unwrap_or_else(|| panic!("{name}: {view:#}"));
    let amount = |what: &str| units(group["total"][0][what].as_str().unwrap());
    (amount("billed"), amount("effective"))
}

/// Sums of the recorded export by a column: billed, effective.
fn sums(path: &Path, column: &str) -> BTreeMap<String, (i128, i128)> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut sums: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let sum = sums.entry(record[place(column)].to_owned()).or_default();
        sum.0 += units(&record[place("BilledCost")]);
        sum.1 += units(&record[place("EffectiveCost")]);
    }
    sums
}

#[test]
fn a_recorded_export_comes_to_what_its_rows_add_up_to_however_often_it_is_taken_in() {
    let Some(export) = recorded("payloads/focus/focus-1.0-sample.csv") else { return };
    let program = Program::new();
    let said = ingested(&program, &[export.to_str().unwrap()]);
    assert!(said.contains("ingested 1,000 charges from 1 files"), "{said}");
    let wrapped = program.file("again.csv.gz", gzip(&std::fs::read(&export).unwrap()));
    let said = ingested(&program, &[export.to_str().unwrap(), &wrapped]);
    assert!(said.contains("2 files had been ingested before"), "{said}");
    let view = cost(&program, &["--since", "60d", "--by", "category"]);
    let by_category = sums(&export, "ServiceCategory");
    for (category, sum) in &by_category {
        assert_eq!(of_group(&view, category), *sum, "{category}");
    }
    let total = &view["total"].as_array().unwrap()[..];
    let all = by_category.values().fold((0, 0), |all, sum| (all.0 + sum.0, all.1 + sum.1));
    assert_eq!(total.len(), 1, "{total:?}");
    assert_eq!(units(total[0]["billed"].as_str().unwrap()), all.0);
    assert_eq!(units(total[0]["effective"].as_str().unwrap()), all.1);
    let days = view["days"].as_array().unwrap();
    let by_day: i128 = days.iter().map(|day| units(day["effective"].as_str().unwrap())).sum();
    assert_eq!(by_day, all.1, "the days add up to the whole");
    let view = cost(&program, &["--since", "60d", "--by", "charge"]);
    assert_eq!(of_group(&view, "Credit"), sums(&export, "ChargeCategory")["Credit"]);
    let again = ingested(&program, &["--again", export.to_str().unwrap()]);
    assert!(again.contains("1,000 charges"), "{again}");
    assert_eq!(cost(&program, &["--since", "60d"])["total"], json!(total), "still once");
}

#[test]
fn a_tag_or_a_resource_narrows_what_is_counted() {
    let Some(export) = recorded("payloads/focus/focus-1.0-sample.csv") else { return };
    let program = Program::new();
    ingested(&program, &[export.to_str().unwrap()]);
    let mut reader = csv::Reader::from_path(&export).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (mut of_prod, mut count) = (0, 0);
    for record in reader.records().map(Result::unwrap) {
        let tags: Value = serde_json::from_str(&record[place("Tags")]).unwrap_or_default();
        if tags["environment"] == "prod" {
            of_prod += units(&record[place("EffectiveCost")]);
            count += 1;
        }
    }
    let view = cost(&program, &["--tag", "environment=prod", "--since", "60d"]);
    assert_eq!((&view["charges"], count > 0), (&json!(count), true));
    assert_eq!(units(view["total"][0]["effective"].as_str().unwrap()), of_prod);
    let view = cost(&program, &["Amazon Simple Queue Service", "--since", "60d"]);
    let queue = sums(&export, "ServiceName")["Amazon Simple Queue Service"];
    assert_eq!(of_group(&view, "Amazon Simple Queue Service"), queue);
    assert_eq!(view["groups"].as_array().unwrap().len(), 1);
    let page = text(&program.run(&["cost", "--since", "60d"]).stdout);
    assert!(page.contains("█ ") && page.contains(" USD"), "{page}");
}

#[test]
fn exports_that_a_spreadsheet_saved_are_refused_line_by_line_and_plain_ones_are_taken() {
    let Some(examples) = recorded("payloads/focus/spec-examples") else { return };
    let program = Program::new();
    let said = ingested(&program, &[examples.to_str().unwrap()]);
    for told in
        ["`4/1/25` is no time", "saas_spend_agreements_a1.csv:2", "as the provider wrote it"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(said.contains("ingested 2") && said.contains(" charges from "), "{said}");
    let view = cost(&program, &["--at", "2023-02-01T00:00:00Z", "--since", "31d"]);
    assert_eq!(view["total"][0]["currency"], "XXX", "the examples name none: {view:#}");
}

#[test]
fn where_no_billing_was_taken_in_it_is_said_and_how_it_comes() {
    let program = broken();
    let output = program.run(&["cost", "checkout"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("no billing has been taken in: `groundcrew ingest"), "{said}");
    for (arguments, told) in [
        (&["cost", "--by", "colour"][..], "nothing to group by"),
        (&["cost", "--since", "soon"], "not a duration"),
        (&["cost", "--incident", "ZZZZZZ"], "no such incident"),
    ] {
        let output = program.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

#[test]
fn a_newer_export_replaces_its_hours_and_parts_of_one_export_add_up() {
    let program = Program::new();
    let start = END - END % HOUR;
    let first = format!(
        "{HEADER}{}{}",
        charge(start, "USD", "1.10", "a"),
        charge(start + HOUR, "USD", "2.20", "a")
    );
    ingested(&program, &[&program.file("first.csv", &first)]);
    let effective = |program: &Program| cost(program, &[])["total"][0]["effective"].clone();
    assert_eq!(effective(&program), "3.3", "decimal, not binary");
    let corrected = format!("{HEADER}{}", charge(start + HOUR, "USD", "2.00", "a"));
    let said = ingested(&program, &[&program.file("second.csv", corrected)]);
    assert!(said.contains("1 charges of earlier exports"), "{said}");
    assert_eq!(effective(&program), "3.1");
    let part = |number: &str| format!("{HEADER}{}", charge(start + HOUR, "USD", number, "a"));
    let parts = [program.file("part1.csv", part("5")), program.file("part2.csv", part("7"))];
    ingested(&program, &[&parts[0], &parts[1]]);
    assert_eq!(effective(&program), "13.1", "1.1 of the first hour, 5 and 7 of the second");
    let euros = format!("{HEADER}{}", charge(start + 2 * HOUR, "EUR", "9", "a"));
    ingested(&program, &[&program.file("euros.csv", euros)]);
    let view = cost(&program, &[]);
    let currencies: Vec<&Value> =
        view["total"].as_array().unwrap().iter().map(|one| &one["currency"]).collect();
    assert_eq!(currencies, ["EUR", "USD"], "never added");
    // Half an export would take the place of a whole one.
    let whole =
        gzip(format!("{HEADER}{}", charge(start, "USD", "1000", "a").repeat(2_000)).as_bytes());
    let said = ingested(&program, &[&program.file("cut.csv.gz", &whole[..whole.len() / 2])]);
    assert!(said.contains("nothing of it was counted"), "{said}");
    assert_eq!(cost(&program, &[])["total"], view["total"]);
}

#[test]
fn what_an_export_says_is_masked_and_cannot_act_on_a_terminal() {
    let program = Program::new();
    let start = END - END % HOUR;
    let row =
        charge(start, "USD", "1", "of jane.doe@example.com").replace("Compute", "\u{1b}[2JCompute");
    let endless = format!("{HEADER}{row}x,\"{}", "y".repeat(6 << 20));
    let said = ingested(&program, &[&program.file("endless.csv", endless)]);
    assert!(said.contains("a record that does not end"), "{said}");
    let odd = format!("{HEADER}{row}1,USD\n{}", charge(start, "U$", "1", "a"));
    let said = ingested(&program, &[&program.file("odd.csv", odd)]);
    assert!(
        said.contains("1 charges") && said.contains("odd.csv:3") && said.contains("odd.csv:4"),
        "{said}"
    );
    let page = text(&program.run(&["cost", "--by", "tag:service"]).stdout);
    assert!(page.contains("of [email]") && !page.contains("jane.doe"), "{page}");
    let page = text(&program.run(&["cost"]).stdout);
    assert!(page.contains("Compute") && !page.contains('\u{1b}'), "{page}");
}

/// Requests to `checkout`, one every ten seconds of an hour, as a caller's and its own spans.
fn requests(start: i64, failed_every: i64) -> String {
    let of = |service: &str, spans: Vec<Value>| {
        json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"scope": {}, "spans": spans}]})
    };
    let (mut callers, mut own) = (Vec::new(), Vec::new());
    for number in 0..HOUR / 10 {
        let nanos = (start + number * 10) * 1_000_000_000;
        let span = |id: i64, parent: Option<i64>, kind: u64, is_bad: bool| {
            json!({"traceId": format!("{:032x}", start * 1_000 + number), "spanId": format!("{id:016x}"),
                "parentSpanId": parent.map(|id| format!("{id:016x}")).unwrap_or_default(), "name": "pay", "kind": kind,
                "startTimeUnixNano": nanos.to_string(), "endTimeUnixNano": (nanos + 5_000_000).to_string(),
                "status": {"code": if is_bad { 2 } else { 0 }}})
        };
        let is_bad = failed_every > 0 && number % failed_every == 0;
        let id = 3 * number + 1;
        callers.push(span(id, None, 2, false));
        own.push(span(id + 1, Some(id), 2, is_bad));
        own.push(span(id + 2, Some(id + 1), 1, false));
    }
    json!({"resourceSpans": [of("shop", callers), of("checkout", own)]}).to_string()
}

#[test]
fn a_request_costs_what_its_service_was_charged_in_the_same_hours() {
    let program = Program::new();
    let start = END - END % HOUR;
    let spans = [0, 1].map(|hour| requests(start + hour * HOUR, 10)).join("\n");
    program.ok(&["ingest", &program.file("t.otlp.jsonl", spans)]);
    // Two hours of traces; the third hour's charge has no requests beside it, and another service is no matter.
    let rows = [
        charge(start, "USD", "0.36", "Checkout"),
        charge(start + HOUR, "USD", "0.72", "checkout"),
        charge(start + 2 * HOUR, "USD", "100", "checkout"),
        charge(start, "USD", "55", "billing-batch"),
    ];
    ingested(&program, &[&program.file("b.csv", format!("{HEADER}{}", rows.concat()))]);
    let view = cost(&program, &["checkout"]);
    let unit = &view["units"][0];
    // The last request ends before its hour does, so that hour is only known in part and left out.
    assert_eq!(unit["services"], json!(["checkout"]), "{view:#}");
    assert_eq!((&unit["requests"], &unit["cost"]), (&json!(360), &json!("0.36")), "{view:#}");
    assert_eq!(unit["failed"], 36);
    assert_eq!(unit["per_request"], "0.001");
    assert!(
        unit["rests_on"].as_str().unwrap().contains("2 more usage charges lie outside"),
        "{unit}"
    );
    assert!(text(&program.run(&["cost", "checkout"]).stdout).contains("0.001 USD per request"));
    // What one of the services asks another is no request from outside them, and none that fails.
    let shop = charge(start, "USD", "0.72", "shop");
    ingested(&program, &[&program.file("c.csv", format!("{HEADER}{}{shop}", rows.concat()))]);
    let unit = &cost(&program, &[])["units"][0];
    assert_eq!(unit["services"], json!(["checkout", "shop"]), "{unit:#}");
    assert_eq!((&unit["requests"], &unit["failed"]), (&json!(360), &json!(0)), "{unit:#}");
    assert_eq!(unit["per_request"], "0.003");
    let view = cost(&program, &["billing-batch"]);
    assert!(view["notes"].to_string().contains("no cost per request"), "{view:#}");
}

#[tokio::test]
async fn an_incident_costs_what_is_spent_beyond_the_usual_and_says_what_is_missing() {
    let program = broken();
    let answer = program.asked("why is checkout failing?", END);
    let code = answer["incident"].as_str().unwrap().to_owned();
    let view = cost(&program, &["--incident", &code]);
    let missing = view["incident"]["missing"].to_string();
    assert!(missing.contains("ingest a newer export"), "{view:#}");
    let hour = END - END % HOUR;
    let hours: Vec<i64> = (-2..=1).map(|number| hour + number * HOUR).collect();
    let day = |number: i64, amount: &str| {
        let rows =
            hours.iter().map(|start| charge(start - number * 24 * HOUR, "USD", amount, "checkout"));
        rows.collect::<String>()
    };
    let usual = ["2", "3", "2", "100"].iter().zip(1..).map(|(amount, number)| day(number, amount));
    let rows = format!("{HEADER}{}{}", day(0, "5.5"), usual.collect::<String>());
    ingested(&program, &[&program.file("b.csv", rows)]);
    let view = cost(&program, &["--incident", &code]);
    let found = &view["incident"];
    let of_hours = |found: &Value| {
        let time = |name: &str| Timestamp::parse(found[name].as_str().unwrap()).unwrap();
        time("to").nanos_since(time("from")) / (HOUR * 1_000_000_000)
    };
    let money = &found["money"][0];
    let count = of_hours(found);
    let told = |value: f64| json!(format!("{}", value * count as f64));
    assert_eq!(money["spent"], told(5.5), "{found:#}");
    assert_eq!(money["usual"], told(2.5), "the median of 2, 2, 3 and 100: {found:#}");
    assert_eq!(money["excess"], told(3.0));
    assert_eq!((&found["requests"], &found["failed"]), (&json!(1), &json!(1)), "{found:#}");

    let mut piped = Piped::greeted(&program);
    let result = piped.call("cost_of", json!({"incident": code}));
    let shown = &result["structuredContent"];
    assert_eq!(shown["incident"]["money"], found["money"], "{result:#}");
    let server = program.serve();
    let path = format!("/v1/cost?incident={code}");
    let served: Value = client().get(server.url(&path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(served, view);
    for (path, status) in
        [("/v1/cost?incident=ZZZZZZ", 404), ("/v1/cost?by=x", 400), ("/v1/cost?from=x", 400)]
    {
        assert_eq!(client().get(server.url(path)).send().await.unwrap().status(), status, "{path}");
    }
}
