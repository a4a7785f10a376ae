//! What the played runs come to: tables in Markdown, to print and to publish.

use std::collections::BTreeMap;

use super::simulated::SimulatedRow;

/// Scores below which a bucket of the reliability table ends.
const SCORE_BUCKETS: [f64; 5] = [0.3, 0.45, 0.6, 0.8, 1.01];

/// All tables.
#[must_use]
pub fn table(rows: &[SimulatedRow]) -> String {
    let broken: Vec<&SimulatedRow> = rows.iter().filter(|row| !row.truths.is_empty()).collect();
    let healthy: Vec<&SimulatedRow> = rows.iter().filter(|row| row.truths.is_empty()).collect();
    let mut text = String::from(
        "| scenario | runs | top-1 | top-3 | kind | change likely | change first | pod | onset, median s |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, group) in grouped(&broken, |row| row.scenario.clone()) {
        text.push_str(&line(&name, &group));
    }
    for (size, group) in grouped(&broken, |row| row.services) {
        text.push_str(&line(&format!("**{size} services**"), &group));
    }
    if !broken.is_empty() {
        text.push_str(&line("**all**", &broken));
    }
    text.push_str("\n| healthy windows | runs | wrongly blamed | a change called likely | highest score |\n|---|---|---|---|---|\n");
    for (size, group) in grouped(&healthy, |row| row.services) {
        text.push_str(&healthy_line(&format!("{size} services"), &group));
    }
    if !healthy.is_empty() {
        text.push_str(&healthy_line("**all**", &healthy));
    }
    text.push_str(
        "\n| leading score | answers | right | called high | high and right |\n|---|---|---|---|---|\n",
    );
    for bucket in 0..SCORE_BUCKETS.len() {
        text.push_str(&reliability_line(rows, bucket));
    }
    text.push_str("\n| confidence | answers | right |\n|---|---|---|\n");
    for (confidence, group) in
        grouped(&rows.iter().collect::<Vec<_>>(), |row| row.confidence.clone())
    {
        let right = group.iter().filter(|row| row.top1).count();
        text.push_str(&format!(
            "| {confidence} | {} | {} |\n",
            group.len(),
            share(right, group.len())
        ));
    }
    text
}

fn grouped<'a, K: Ord>(
    rows: &[&'a SimulatedRow],
    key: impl Fn(&SimulatedRow) -> K,
) -> BTreeMap<K, Vec<&'a SimulatedRow>> {
    let mut groups: BTreeMap<K, Vec<&SimulatedRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

fn line(name: &str, group: &[&SimulatedRow]) -> String {
    let count = |test: &dyn Fn(&SimulatedRow) -> bool| group.iter().filter(|row| test(row)).count();
    let of_all = |test: &dyn Fn(&SimulatedRow) -> bool| share(count(test), group.len());
    let with_pod = count(&|row| row.pod_right.is_some());
    let pod = share(count(&|row| row.pod_right == Some(true)), with_pod);
    let with_change = count(&|row| row.change_first.is_some());
    let first = share(count(&|row| row.change_first == Some(true)), with_change);
    let mut errors: Vec<f64> =
        group.iter().filter_map(|row| row.onset_error_s).map(f64::abs).collect();
    errors.sort_by(f64::total_cmp);
    let onset = errors.get(errors.len() / 2).map_or("-".to_owned(), |error| format!("{error:.0}"));
    format!(
        "| {name} | {} | {} | {} | {} | {} | {first} | {pod} | {onset} |\n",
        group.len(),
        of_all(&|row| row.top1),
        of_all(&|row| row.top3),
        of_all(&|row| row.kind_right),
        of_all(&|row| row.change_right),
    )
}

fn healthy_line(name: &str, group: &[&SimulatedRow]) -> String {
    let blamed = group.iter().filter(|row| row.named).count();
    let changes = group.iter().filter(|row| row.change.is_some()).count();
    let highest = group.iter().map(|row| row.score).fold(0.0, f64::max);
    format!(
        "| {name} | {} | {} ({blamed}) | {changes} | {highest:.2} |\n",
        group.len(),
        share(blamed, group.len())
    )
}

fn reliability_line(rows: &[SimulatedRow], bucket: usize) -> String {
    let low =
        bucket.checked_sub(1).and_then(|below| SCORE_BUCKETS.get(below)).copied().unwrap_or(0.0);
    let high = SCORE_BUCKETS.get(bucket).copied().unwrap_or(1.01);
    let group: Vec<&SimulatedRow> =
        rows.iter().filter(|row| (low..high).contains(&row.score)).collect();
    let right = group.iter().filter(|row| row.top1).count();
    let sure: Vec<&&SimulatedRow> = group.iter().filter(|row| row.confidence == "high").collect();
    let sure_and_right = sure.iter().filter(|row| row.top1).count();
    format!(
        "| {low:.2} – {:.2} | {} | {} | {} | {} |\n",
        high.min(1.0),
        group.len(),
        share(right, group.len()),
        sure.len(),
        share(sure_and_right, sure.len())
    )
}

/// A share in whole percent; `-` of nothing.
fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.0}", 100.0 * part as f64 / whole as f64) }
}
