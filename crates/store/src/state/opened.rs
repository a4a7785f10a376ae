//! Incidents that alerts opened, and the alerts that belong to each.

use groundcrew_masking::Masked;
use groundcrew_telemetry::Timestamp;
use rusqlite::{Connection, Row, params};

use super::StateDb;
use crate::StoreError;

/// Incidents kept; the oldest make room.
const KEPT_MAX: u32 = 2_000;

/// An incident that alerts opened.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OpenedIncident {
    /// Its code, as people say it.
    pub code: String,
    /// The answer to what its first alert asks; there once it was investigated.
    pub answer_id: String,
    /// The conversation that is held about it.
    pub conversation: String,
    /// What the first alert said, in one line.
    pub title: String,
    /// What the alerts' sender calls those that belong together; `""` for nothing.
    pub group: String,
    /// Services that belong to it: those of its alerts, and those that the investigation found to suffer or to be suspected.
    pub services: Vec<String>,
    /// When the first alert came.
    pub opened_at: Timestamp,
    /// Since when its trouble is known: the earliest beginning of its alerts.
    pub since: Timestamp,
    /// When the newest word on any of its alerts came.
    pub heard_at: Timestamp,
    /// When the last of its alerts ended; `None` while one holds.
    pub over_at: Option<Timestamp>,
    /// Its alerts.
    pub alerts: Vec<OpenedAlert>,
}

/// One alert of an incident.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenedAlert {
    /// Same fingerprint, same alert.
    pub fingerprint: String,
    /// The rule's name.
    pub name: String,
    /// The service it names; `""` for none.
    pub service: String,
    /// The sender's word for how bad it is.
    pub severity: String,
    /// Since when it holds.
    pub since: Timestamp,
    /// When it stopped, if it did.
    pub until: Option<Timestamp>,
}

impl OpenedIncident {
    /// Alerts that hold.
    #[must_use]
    pub fn firing(&self) -> usize {
        self.alerts.iter().filter(|alert| alert.until.is_none()).count()
    }

    /// Calls `visit` with every free text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.title);
        visit("", &mut self.group);
        for alert in &mut self.alerts {
            visit("", &mut alert.name);
        }
    }
}

impl StateDb {
    /// Keeps an incident as it stands, with those of its alerts whose fingerprints are in `changed`; the others are kept
    /// as they were.
    pub fn put_opened(
        &self,
        incident: &Masked<OpenedIncident>,
        changed: &[String],
    ) -> Result<(), StoreError> {
        let services = incident.services.join("\n");
        self.write(|connection| {
            let transaction = connection.transaction()?;
            transaction
                .prepare_cached(
                    "INSERT INTO opened (code, answer_id, conversation, title, grouping, services, opened_at, since, heard_at, over_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT (code) DO UPDATE SET title = ?4, services = ?6, since = ?8, heard_at = ?9, over_at = ?10",
                )?
                .execute(params![
                    incident.code,
                    incident.answer_id,
                    incident.conversation,
                    incident.title,
                    incident.group,
                    services,
                    incident.opened_at.nanos(),
                    incident.since.nanos(),
                    incident.heard_at.nanos(),
                    incident.over_at.map(Timestamp::nanos),
                ])?;
            for alert in incident.alerts.iter().filter(|alert| changed.contains(&alert.fingerprint)) {
                put_alert(&transaction, &incident.code, alert)?;
            }
            transaction
                .prepare_cached(
                    "DELETE FROM opened WHERE rowid IN
                     (SELECT rowid FROM opened ORDER BY opened_at DESC LIMIT -1 OFFSET ?1)",
                )?
                .execute([KEPT_MAX])?;
            transaction.commit()
        })
    }

    /// Forgets an incident that turned out to belong to another.
    pub fn remove_opened(&self, code: &str) -> Result<(), StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached("DELETE FROM opened WHERE code = ?1")?
                .execute([code])
                .map(drop)
        })
    }

    /// The incidents that were opened last, newest first.
    pub fn opened(&self, limit: usize) -> Result<Vec<OpenedIncident>, StoreError> {
        let limit = u32::try_from(limit).unwrap_or(KEPT_MAX).min(KEPT_MAX);
        self.read(|connection| {
            let mut found: Vec<OpenedIncident> = connection
                .prepare_cached(
                    "SELECT code, answer_id, conversation, title, grouping, services, opened_at, since, heard_at, over_at
                     FROM opened ORDER BY opened_at DESC, rowid DESC LIMIT ?1",
                )?
                .query_map([limit], read_incident)?
                .collect::<rusqlite::Result<_>>()?;
            for incident in &mut found {
                incident.alerts = alerts_of(connection, &incident.code)?;
            }
            Ok(found)
        })
        .map(Option::unwrap_or_default)
    }
}

fn put_alert(connection: &Connection, code: &str, alert: &OpenedAlert) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO opened_alert (code, fingerprint, name, service, severity, since, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            code,
            alert.fingerprint,
            alert.name,
            alert.service,
            alert.severity,
            alert.since.nanos(),
            alert.until.map(Timestamp::nanos),
        ])
        .map(drop)
}

fn alerts_of(connection: &Connection, code: &str) -> rusqlite::Result<Vec<OpenedAlert>> {
    connection
        .prepare_cached(
            "SELECT fingerprint, name, service, severity, since, until FROM opened_alert
             WHERE code = ?1 ORDER BY since, fingerprint",
        )?
        .query_map([code], |row| {
            Ok(OpenedAlert {
                fingerprint: row.get(0)?,
                name: row.get(1)?,
                service: row.get(2)?,
                severity: row.get(3)?,
                since: Timestamp::from_nanos(row.get(4)?),
                until: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_nanos),
            })
        })?
        .collect()
}

fn read_incident(row: &Row<'_>) -> rusqlite::Result<OpenedIncident> {
    let services: String = row.get(5)?;
    Ok(OpenedIncident {
        code: row.get(0)?,
        answer_id: row.get(1)?,
        conversation: row.get(2)?,
        title: row.get(3)?,
        group: row.get(4)?,
        services: services.lines().map(str::to_owned).collect(),
        opened_at: Timestamp::from_nanos(row.get(6)?),
        since: Timestamp::from_nanos(row.get(7)?),
        heard_at: Timestamp::from_nanos(row.get(8)?),
        over_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_nanos),
        alerts: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use groundcrew_masking::Masker;

    use super::*;
    use crate::Access;

    fn masked(incident: &OpenedIncident) -> Masked<OpenedIncident> {
        let visit = |incident: &mut OpenedIncident, visit: &mut dyn FnMut(&str, &mut String)| {
            incident.for_each_text_mut(visit);
        };
        Masker::new().mask(incident.clone(), visit).unwrap()
    }

    #[test]
    fn incidents_and_their_alerts_survive_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.sqlite");
        let state = StateDb::open(&path, Access::ReadWrite).unwrap();
        let alert = |name: &str, until| OpenedAlert {
            fingerprint: name.to_owned(),
            name: name.to_owned(),
            since: Timestamp::from_secs(4),
            until,
            ..OpenedAlert::default()
        };
        let mut incident = OpenedIncident {
            code: "7Q2".to_owned(),
            title: "write to jane.doe@example.com".to_owned(),
            services: vec!["cart".to_owned(), "shop".to_owned()],
            opened_at: Timestamp::from_secs(5),
            alerts: vec![alert("a", None), alert("b", None)],
            ..OpenedIncident::default()
        };
        state.put_opened(&masked(&incident), &["a".to_owned(), "b".to_owned()]).unwrap();
        incident.alerts = vec![alert("a", Some(Timestamp::from_secs(9)))];
        incident.over_at = Some(Timestamp::from_secs(9));
        state.put_opened(&masked(&incident), &["a".to_owned()]).unwrap();
        drop(state);
        let state = StateDb::open(&path, Access::ReadWrite).unwrap();
        let read = state.opened(10).unwrap().remove(0);
        assert!(!read.title.contains("jane.doe"), "masked before it is stored: {}", read.title);
        assert_eq!(read.services, ["cart", "shop"]);
        assert_eq!(read.over_at, Some(Timestamp::from_secs(9)));
        assert_eq!(read.alerts.len(), 2, "what was not told again stays");
        assert_eq!(read.firing(), 1);
        state.remove_opened("7Q2").unwrap();
        assert!(state.opened(10).unwrap().is_empty());
        let orphans = state.read(|connection| {
            connection
                .query_row("SELECT count(*) FROM opened_alert", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(orphans.unwrap(), Some(0));
    }
}
