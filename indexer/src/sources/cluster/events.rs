//! Event tables: `kubectl get events`, `kubectl events`, and the `Events:` part of a description.

use groundcrew_telemetry::{ClusterEvent, Timestamp};

use super::age;
use super::kinds;
use super::table::{self, Row, Table};

/// Reads the rows of an event table. `about` is the object and namespace for tables that do not name them.
pub(super) fn from_table(
    table: &Table<'_>,
    about: &About<'_>,
    now: Timestamp,
) -> Vec<ClusterEvent> {
    table.rows.iter().map(|row| from_row(table, row, about, now)).collect()
}

/// What events are about when their rows do not say it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    /// `Kind/name`, or `""`.
    pub(super) object: &'a str,
    /// Namespace, or `""`.
    pub(super) namespace: &'a str,
}

/// Whether a table lists events.
pub(super) fn is_event_table(table: &Table<'_>) -> bool {
    table.has("REASON") && (table.has("MESSAGE") || table.has("LAST SEEN"))
}

fn from_row(table: &Table<'_>, row: &Row<'_>, about: &About<'_>, now: Timestamp) -> ClusterEvent {
    let last_seen = table.cell(row, &["LAST SEEN", "LASTSEEN", "LAST", "AGE"]).unwrap_or("");
    let seen = age::seen(last_seen, now);
    let count =
        table.cell(row, &["COUNT"]).and_then(|cell| cell.parse().ok()).unwrap_or(seen.count);
    let object =
        table.cell(row, &["OBJECT", "NAME"]).map_or_else(|| about.object.to_owned(), object_name);
    ClusterEvent {
        time: seen.time,
        event_type: table.cell(row, &["TYPE"]).unwrap_or("").to_owned(),
        reason: table.cell(row, &["REASON"]).unwrap_or("").to_owned(),
        object,
        namespace: table.cell(row, &["NAMESPACE"]).unwrap_or(about.namespace).to_owned(),
        message: table.cell(row, &["MESSAGE"]).unwrap_or("").to_owned(),
        count,
    }
}

/// `pod/web-1` in canonical spelling; a name alone stays as it is.
pub(super) fn object_name(text: &str) -> String {
    kinds::split_prefix(text)
        .map_or_else(|| text.to_owned(), |(kind, name)| format!("{kind}/{name}"))
}

/// Reads the lines below `Events:` of a description: headings in mixed case, a rule, rows.
pub(super) fn from_description(
    lines: &[&str],
    about: &About<'_>,
    now: Timestamp,
) -> Vec<ClusterEvent> {
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    let Some(heading_line) = lines.next().filter(|line| line.contains("Reason")) else {
        return Vec::new();
    };
    let columns =
        table::loose_cells(heading_line).iter().map(|name| name.to_ascii_uppercase()).collect();
    let rows = lines.filter(|line| !line.trim_start().starts_with("---")).map(|line| Row {
        line: line.trim_end(),
        cells: table::fit_to_heading_line(line, heading_line),
    });
    let table = Table { columns, rows: rows.collect() };
    from_table(&table, about, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_all_namespaces() {
        let text = "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT        MESSAGE\n\
                    shop        4m          Warning   BackOff   pod/web-1     Back-off restarting failed container\n\
                    shop        <unknown>   Normal    Pulled    deployment.apps/web   image already present\n";
        let now = Timestamp::from_secs(10_000);
        let tables = table::tables(text);
        assert!(is_event_table(&tables[0]));
        let events = from_table(&tables[0], &About::default(), now);
        assert_eq!(events[0].object, "Pod/web-1");
        assert_eq!(events[0].time, now.plus_secs(-240));
        assert_eq!((events[0].namespace.as_str(), events[0].count), ("shop", 1));
        assert_eq!(events[1].object, "Deployment/web");
        assert_eq!(events[1].message, "image already present");
    }

    #[test]
    fn the_end_of_a_description() {
        let lines = [
            "  Type     Reason        Age                    From            Message",
            "  ----     ------        ----                   ----            -------",
            "  Warning  FailedCreate  9m28s (x4 over 9m35s)  job-controller  Error creating: pods \"a-\" is forbidden",
            "",
        ];
        let now = Timestamp::from_secs(10_000);
        let about = About { object: "Job/a", namespace: "shop" };
        let events = from_description(&lines, &about, now);
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].reason.as_str(), events[0].count), ("FailedCreate", 4));
        assert_eq!(events[0].time, now.plus_secs(-568));
        assert_eq!(events[0].message, "Error creating: pods \"a-\" is forbidden");
        assert!(from_description(&["  <none>"], &about, now).is_empty());
    }
}
