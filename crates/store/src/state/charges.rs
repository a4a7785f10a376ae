//! What cloud providers charged, from their billing exports in the FOCUS format.
//!
//! A file is staged piece by piece and counts from the moment it is published. Then it takes the place of what earlier
//! exports said of the same billing account and charge period: providers send a month again as it is corrected.

use std::collections::HashMap;
use std::sync::Arc;

use groundcrew_masking::Masked;
use groundcrew_telemetry::{TimeRange, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::StateDb;
use crate::StoreError;

/// Charges that are kept; those of the oldest periods make room.
const CHARGES_MAX: u32 = 5_000_000;

/// What was charged for, without when and how much. Empty texts are what an export does not say.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct ChargeSubject {
    /// Who made the service available.
    pub provider: String,
    /// `BillingAccountId`.
    pub account: String,
    /// The sub-account's name, or its id.
    pub sub_account: String,
    /// `ServiceName`: the provider's product.
    pub service: String,
    /// `ServiceCategory`.
    pub service_category: String,
    /// `RegionId`.
    pub region: String,
    /// `ResourceId`.
    pub resource_id: String,
    /// `ResourceName`.
    pub resource_name: String,
    /// `ChargeCategory`: Usage, Purchase, Tax, Credit or Adjustment.
    pub category: String,
    /// `BillingCurrency`, ISO 4217; `XXX` where an export says none.
    pub currency: String,
    /// `Tags`, by key.
    pub tags: Vec<(String, String)>,
}

/// One charge.
#[derive(Clone, PartialEq, Debug)]
pub struct Charge {
    /// Provider and billing account as the export names them, hashed: masking must not make two accounts one.
    pub account_key: i64,
    /// The charge period.
    pub period: TimeRange,
    /// `BilledCost`, in the subject's currency.
    pub billed: Decimal,
    /// `EffectiveCost`, in the same.
    pub effective: Decimal,
    /// What for.
    pub subject: Arc<ChargeSubject>,
}

impl Charge {
    /// Calls `visit` with the name and text of every free text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        let subject = Arc::make_mut(&mut self.subject);
        for text in [
            &mut subject.provider,
            &mut subject.account,
            &mut subject.sub_account,
            &mut subject.service,
            &mut subject.service_category,
            &mut subject.region,
            &mut subject.resource_id,
            &mut subject.resource_name,
            &mut subject.category,
            &mut subject.currency,
        ] {
            visit("", text);
        }
        for (key, value) in &mut subject.tags {
            visit(key, value);
        }
    }
}

/// Charges that are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChargeCoverage {
    /// How many.
    pub count: u64,
    /// From the first period's start to the last one's end.
    pub range: TimeRange,
    /// When the newest export was taken in.
    pub taken_in: Timestamp,
}

/// What publishing a file came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// It counts; so many charges of earlier exports made way.
    Counts {
        /// How many.
        replaced: u64,
    },
    /// The same content was taken in before under another wrapping, and stays as it is.
    Known,
}

impl StateDb {
    /// Begins a file of charges, by the hash of its bytes. What an interrupted ingest left half-done is dropped.
    pub fn begin_charges(&self, hash: &str, at: Timestamp) -> Result<i64, StoreError> {
        self.write(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute("DELETE FROM charge_file WHERE published = 0", [])?;
            transaction.execute(
                "INSERT INTO charge_file (hash, content, at, published) VALUES (?1, '', ?2, 0)",
                params![hash, at.nanos()],
            )?;
            let file = transaction.last_insert_rowid();
            transaction.commit()?;
            Ok(file)
        })
    }

    /// Adds charges to a file that was begun; they do not count yet.
    pub fn stage_charges(&self, file: i64, charges: &[Masked<Charge>]) -> Result<(), StoreError> {
        self.write(|connection| {
            let transaction = connection.transaction()?;
            for charge in charges {
                put_charge(&transaction, file, charge)?;
            }
            transaction.commit()
        })
    }

    /// Drops a file that was begun.
    pub fn drop_charges(&self, file: i64) -> Result<(), StoreError> {
        self.write(|connection| {
            connection.execute("DELETE FROM charge_file WHERE id = ?1 AND published = 0", [file])
        })
        .map(drop)
    }

    /// Makes a file count. `content` is the hash of what it holds unpacked; `parts` are the hashes of the files that are
    /// parts of the same export, which do not replace each other.
    pub fn publish_charges(
        &self,
        file: i64,
        content: &str,
        parts: &[String],
    ) -> Result<Published, StoreError> {
        let parts = serde_json::to_string(parts)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.write(|connection| {
            let transaction = connection.transaction()?;
            let published = publish(&transaction, file, content, &parts)?;
            transaction.commit()?;
            Ok(published)
        })
    }

    /// Charges whose periods begin in the range, `None` when there are more than `limit`.
    pub fn charges(
        &self,
        range: TimeRange,
        limit: usize,
    ) -> Result<Option<Vec<Charge>>, StoreError> {
        let found = self.read(|connection| {
            if !has_table(connection)? {
                return Ok(Some(Vec::new()));
            }
            let mut subjects: HashMap<i64, Arc<ChargeSubject>> = HashMap::new();
            let mut statement = connection.prepare_cached(
                "SELECT starts, ends, account, billed, effective, subject FROM charge
                 WHERE starts >= ?1 AND starts < ?2
                 AND file IN (SELECT id FROM charge_file WHERE published = 1)",
            )?;
            let mut rows = statement.query([range.start.nanos(), range.end.nanos()])?;
            let mut charges = Vec::new();
            while let Some(row) = rows.next()? {
                if charges.len() >= limit {
                    return Ok(None);
                }
                let subject = subject_of(connection, &mut subjects, row.get(5)?)?;
                charges.push(read_charge(row, subject)?);
            }
            Ok(Some(charges))
        })?;
        Ok(found.unwrap_or_else(|| Some(Vec::new())))
    }

    /// What charges are known of, `None` when of nothing.
    pub fn charge_coverage(&self) -> Result<Option<ChargeCoverage>, StoreError> {
        self.read(|connection| {
            if !has_table(connection)? {
                return Ok(None);
            }
            let of_row = |row: &Row<'_>| {
                let ends = (row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?);
                let (Some(start), Some(end)) = ends else { return Ok(None) };
                let at = |nanos| Timestamp::from_nanos(nanos);
                Ok(Some(ChargeCoverage {
                    count: row.get::<_, u32>(0)?.into(),
                    range: TimeRange::new(at(start), at(end)),
                    taken_in: at(row.get::<_, Option<i64>>(3)?.unwrap_or_default()),
                }))
            };
            connection.query_row(
                "SELECT count(*), min(starts), max(ends), (SELECT max(at) FROM charge_file WHERE published = 1)
                 FROM charge WHERE file IN (SELECT id FROM charge_file WHERE published = 1)",
                [],
                of_row,
            )
        })
        .map(Option::flatten)
    }
}

/// A database that an older version wrote and that is only read has no such table yet.
fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'charge'")?
        .exists([])
}

fn put_charge(transaction: &Transaction<'_>, file: i64, charge: &Charge) -> rusqlite::Result<()> {
    let json = serde_json::to_string(&*charge.subject)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let hash = blake3::hash(json.as_bytes());
    let known = transaction
        .prepare_cached("SELECT id FROM charge_subject WHERE hash = ?1")?
        .query_row([hash.as_bytes().as_slice()], |row| row.get::<_, i64>(0))
        .optional()?;
    let subject = match known {
        Some(id) => id,
        None => {
            transaction
                .prepare_cached("INSERT INTO charge_subject (hash, json) VALUES (?1, ?2)")?
                .execute(params![hash.as_bytes().as_slice(), json])?;
            transaction.last_insert_rowid()
        }
    };
    transaction
        .prepare_cached(
            "INSERT INTO charge (file, account, starts, ends, subject, billed, effective)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            file,
            charge.account_key,
            charge.period.start.nanos(),
            charge.period.end.nanos(),
            subject,
            charge.billed.to_string(),
            charge.effective.to_string(),
        ])
        .map(drop)
}

fn publish(
    transaction: &Transaction<'_>,
    file: i64,
    content: &str,
    parts: &str,
) -> rusqlite::Result<Published> {
    let own = "(SELECT hash FROM charge_file WHERE id = ?1)";
    let is_known = transaction
        .prepare(&format!(
            "SELECT 1 FROM charge_file WHERE published = 1 AND content = ?2 AND hash <> {own}"
        ))?
        .exists(params![file, content])?;
    if is_known {
        transaction.execute("DELETE FROM charge_file WHERE id = ?1", [file])?;
        return Ok(Published::Known);
    }
    // Itself, taken in again.
    transaction
        .execute(&format!("DELETE FROM charge_file WHERE id <> ?1 AND hash = {own}"), [file])?;
    let replaced = transaction.execute(
        "DELETE FROM charge WHERE file IN (
             SELECT id FROM charge_file WHERE id <> ?1 AND hash NOT IN (SELECT value FROM json_each(?2))
         ) AND (starts, ends, account) IN (SELECT starts, ends, account FROM charge WHERE file = ?1)",
        params![file, parts],
    )?;
    transaction.execute(
        "UPDATE charge_file SET published = 1, content = ?2 WHERE id = ?1",
        params![file, content],
    )?;
    let surplus =
        transaction.query_row("SELECT count(*) - ?1 FROM charge", [CHARGES_MAX], |row| {
            row.get::<_, i64>(0)
        })?;
    if surplus > 0 {
        transaction.execute(
            "DELETE FROM charge WHERE rowid IN (SELECT rowid FROM charge ORDER BY starts LIMIT ?1)",
            [surplus],
        )?;
    }
    if replaced > 0 || surplus > 0 {
        transaction.execute(
            "DELETE FROM charge_subject WHERE id NOT IN (SELECT subject FROM charge)",
            [],
        )?;
    }
    Ok(Published::Counts { replaced: replaced as u64 })
}

/// The subject of that id: read once, then shared.
fn subject_of(
    connection: &Connection,
    known: &mut HashMap<i64, Arc<ChargeSubject>>,
    id: i64,
) -> rusqlite::Result<Arc<ChargeSubject>> {
    if let Some(subject) = known.get(&id) {
        return Ok(Arc::clone(subject));
    }
    let subject = Arc::new(read_subject(connection, id)?);
    known.insert(id, Arc::clone(&subject));
    Ok(subject)
}

fn read_subject(connection: &Connection, id: i64) -> rusqlite::Result<ChargeSubject> {
    let json: String = connection
        .prepare_cached("SELECT json FROM charge_subject WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    serde_json::from_str(&json).map_err(|error| unreadable(5, Box::new(error)))
}

fn read_charge(row: &Row<'_>, subject: Arc<ChargeSubject>) -> rusqlite::Result<Charge> {
    let at = |column| row.get(column).map(Timestamp::from_nanos);
    let money = |column| {
        let text: String = row.get(column)?;
        text.parse::<Decimal>().map_err(|error| unreadable(column, error.to_string().into()))
    };
    Ok(Charge {
        account_key: row.get(2)?,
        period: TimeRange::new(at(0)?, at(1)?),
        billed: money(3)?,
        effective: money(4)?,
        subject,
    })
}

fn unreadable(column: usize, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
}

#[cfg(test)]
mod tests {
    use groundcrew_masking::Masker;

    use super::*;
    use crate::Access;

    fn charge(account_key: i64, hour: i64, effective: &str) -> Masked<Charge> {
        let subject = ChargeSubject {
            resource_name: "of jane.doe@example.com".to_owned(),
            currency: "USD".to_owned(),
            ..ChargeSubject::default()
        };
        let start = Timestamp::from_secs(hour * 3_600);
        let charge = Charge {
            account_key,
            period: TimeRange::new(start, start.plus_secs(3_600)),
            billed: Decimal::ZERO,
            effective: effective.parse().unwrap(),
            subject: Arc::new(subject),
        };
        Masker::new().mask(charge, |charge, visit| charge.for_each_text_mut(visit)).unwrap()
    }

    fn sum(state: &StateDb) -> String {
        let charges = state.charges(TimeRange::ALL, 100).unwrap().unwrap();
        charges.iter().map(|charge| charge.effective).sum::<Decimal>().to_string()
    }

    #[test]
    fn a_newer_export_takes_the_place_of_its_account_and_periods_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDb::open(&dir.path().join("state.db"), Access::ReadWrite).unwrap();
        assert_eq!(state.charge_coverage().unwrap(), None);
        let take = |hash: &str, content: &str, parts: &[&str], charges: &[Masked<Charge>]| {
            let file = state.begin_charges(hash, Timestamp::from_secs(9)).unwrap();
            state.stage_charges(file, charges).unwrap();
            let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            state.publish_charges(file, content, &parts).unwrap()
        };
        let first = [charge(1, 0, "0.1"), charge(1, 1, "0.2"), charge(2, 0, "10")];
        assert_eq!(take("a", "A", &["a"], &first), Published::Counts { replaced: 0 });
        assert_eq!(sum(&state), "10.3", "one tenth and two tenths are three");
        assert_eq!(take("a.gz", "A", &["a.gz"], &first), Published::Known);
        assert_eq!(take("a", "A", &["a"], &first), Published::Counts { replaced: 0 });
        assert_eq!(sum(&state), "10.3", "once, however often it comes");
        let newer = [charge(1, 1, "0.25")];
        assert_eq!(take("b", "B", &["b"], &newer), Published::Counts { replaced: 1 });
        assert_eq!(sum(&state), "10.35");
        assert_eq!(take("c", "C", &["b", "c"], &newer), Published::Counts { replaced: 0 });
        assert_eq!(sum(&state), "10.60", "parts of one export add up");
        let half_done = state.begin_charges("d", Timestamp::from_secs(9)).unwrap();
        state.stage_charges(half_done, &[charge(1, 5, "99")]).unwrap();
        assert_eq!(sum(&state), "10.60", "what is not published does not count");
        let known = state.charges(TimeRange::ALL, 100).unwrap().unwrap();
        assert!(!known[0].subject.resource_name.contains("jane.doe"), "masked before it is kept");
        let coverage = state.charge_coverage().unwrap().unwrap();
        assert_eq!((coverage.count, coverage.range.end), (4, Timestamp::from_secs(7_200)));
        assert_eq!(state.charges(TimeRange::ALL, 3).unwrap(), None, "too many are not cut short");
    }
}
