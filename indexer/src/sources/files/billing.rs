//! Billing exports in the FOCUS format (FinOps Open Cost and Usage Specification, 1.0 to 1.2) as CSV.
//!
//! A file counts as a whole or not at all: a part of an export would replace the whole of an earlier one. Amounts are
//! decimals from here to the answer, never binary fractions. Columns that are not needed are passed over.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use csv::{ByteRecord, Reader, ReaderBuilder};
use groundcrew_masking::Masked;
use groundcrew_store::{Charge, ChargeSubject, Published, StoreError};
use groundcrew_telemetry::{TimeRange, Timestamp};
use rust_decimal::Decimal;

use super::reading::Reading;
use crate::intake::Intake;
use crate::sources::capped_reader::TooLarge;

/// Charges that are masked and staged together.
const CHARGES_PER_BATCH: usize = 2_000;
/// Longest record; a quotation that never ends must not fill the memory.
const RECORD_BYTES_MAX: u64 = 4 << 20;
/// Longest text of a field that is kept.
const TEXT_BYTES_MAX: usize = 1_000;
/// Tags of a charge that are kept.
const TAGS_MAX: usize = 64;
/// The code of ISO 4217 for no currency.
const NO_CURRENCY: &str = "XXX";

/// What a billing export needs besides its bytes.
pub(super) struct Export<'a> {
    pub(super) intake: &'a Intake,
    /// The hash of the file.
    pub(super) hash: String,
    pub(super) now: Timestamp,
    /// Hashes of the files that may be parts of the same export.
    pub(super) parts: &'a dyn Fn() -> &'a Vec<String>,
}

/// Whether the first line of a file names the columns that no export is without.
pub(super) fn looks_like(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let names: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    ["BilledCost", "EffectiveCost", "ChargePeriodStart", "ChargePeriodEnd"]
        .iter()
        .all(|name| names.contains(name))
}

/// Reads an export into the store; says whether reading the same bytes again would come to the same.
pub(super) fn take(reading: &mut Reading<'_>, input: impl Read, export: &Export<'_>) -> bool {
    let state = export.intake.store().state();
    let file = match state.begin_charges(&export.hash, export.now) {
        Ok(file) => file,
        Err(error) => return failed(reading, &error),
    };
    let outcome = stage(reading, input, export, file).and_then(|staged| {
        if staged.charges == 0 {
            state.drop_charges(file)?;
            return Ok(());
        }
        match state.publish_charges(file, &staged.content, (export.parts)())? {
            Published::Counts { replaced } => {
                reading.outbox.counts.charges += staged.charges;
                reading.summary.charges_replaced += replaced;
            }
            Published::Known => reading.summary.already_ingested.push(reading.file.path.clone()),
        }
        Ok(())
    });
    let unfinished = match outcome {
        Ok(()) => return true,
        Err(Unfinished::Store(error)) => return failed(reading, &error),
        Err(Unfinished::Input(error)) => error,
    };
    let reason = format!("{unfinished}; nothing of it was counted, since half an export would");
    reading.summary.fail(&reading.file.path, format!("{reason} replace a whole one"));
    if let Err(error) = state.drop_charges(file) {
        tracing::warn!(%error, "what was read of a damaged billing export is dropped by the next");
    }
    unfinished.raw_os_error().is_none() && !TooLarge::is(&unfinished)
}

fn failed(reading: &mut Reading<'_>, error: &StoreError) -> bool {
    reading.summary.fail(&reading.file.path, format!("its charges could not be kept: {error}"));
    false
}

/// Why an export was not read to its end.
enum Unfinished {
    Input(io::Error),
    Store(StoreError),
}

impl From<StoreError> for Unfinished {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What was staged.
struct Staged {
    charges: u64,
    /// Hash of what the file holds unpacked.
    content: String,
}

fn stage(
    reading: &mut Reading<'_>,
    input: impl Read,
    export: &Export<'_>,
    file: i64,
) -> Result<Staged, Unfinished> {
    let record_start = Rc::new(Cell::new(0));
    let mut hasher = blake3::Hasher::new();
    let watched =
        Watched { input, read: 0, record_start: Rc::clone(&record_start), hasher: &mut hasher };
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(watched);
    let columns = columns(&mut reader)?;
    let (mut record, mut batch, mut charges) = (ByteRecord::new(), Vec::new(), 0);
    let mut flush = |reading: &mut Reading<'_>, batch: &mut Vec<Charge>| {
        let masked = masked(std::mem::take(batch), reading, export.intake);
        export.intake.store().state().stage_charges(file, &masked)?;
        charges += masked.len() as u64;
        Ok::<(), StoreError>(())
    };
    while reader.read_byte_record(&mut record).map_err(of_csv)? {
        record_start.set(reader.position().byte());
        let line = record.position().map_or(0, csv::Position::line);
        match columns.charge(&record) {
            Ok(charge) => batch.push(charge),
            Err(reason) => reading.summary.reject(&reading.file.path, line, reason),
        }
        if batch.len() >= CHARGES_PER_BATCH {
            flush(reading, &mut batch)?;
        }
    }
    flush(reading, &mut batch)?;
    drop(reader);
    Ok(Staged { charges, content: hasher.finalize().to_hex().to_string() })
}

/// Masks each charge by itself, so that one that cannot be masked is withheld alone.
fn masked(batch: Vec<Charge>, reading: &mut Reading<'_>, intake: &Intake) -> Vec<Masked<Charge>> {
    let mut kept = Vec::with_capacity(batch.len());
    for charge in batch {
        let visit = |charge: &mut Charge, visit: &mut dyn FnMut(&str, &mut String)| {
            charge.for_each_text_mut(visit);
        };
        match intake.masker().mask(charge, visit) {
            Ok(charge) => kept.push(charge),
            Err(withheld) => reading.summary.reject(&reading.file.path, 0, withheld.to_string()),
        }
    }
    kept
}

fn of_csv(error: csv::Error) -> Unfinished {
    let told = error.to_string();
    Unfinished::Input(match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::other(told),
    })
}

/// Where the columns are.
struct Columns {
    names: Vec<String>,
}

fn columns<R: Read>(reader: &mut Reader<R>) -> Result<Columns, Unfinished> {
    let header = reader.byte_headers().map_err(of_csv)?;
    let names = header
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned());
    Ok(Columns { names: names.collect() })
}

impl Columns {
    /// The text of a column; `""` where there is none, or where an export says NULL.
    fn text(&self, record: &ByteRecord, name: &str) -> String {
        let place = self.names.iter().position(|known| known == name);
        let field = place.and_then(|place| record.get(place)).unwrap_or_default();
        let text = String::from_utf8_lossy(field);
        let text = text.trim();
        if text.eq_ignore_ascii_case("null") {
            return String::new();
        }
        text.get(..text.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default().to_owned()
    }

    /// The first column of these that says something.
    fn first(&self, record: &ByteRecord, names: &[&str]) -> String {
        let said = names.iter().map(|name| self.text(record, name));
        said.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn charge(&self, record: &ByteRecord) -> Result<Charge, String> {
        if record.len() != self.names.len() {
            let (found, wanted) = (record.len(), self.names.len());
            return Err(format!("has {found} fields where the header has {wanted}"));
        }
        let period = TimeRange::new(
            self.time(record, "ChargePeriodStart")?,
            self.time(record, "ChargePeriodEnd")?,
        );
        if period.end < period.start {
            return Err("its charge period ends before it begins".to_owned());
        }
        let text = |name| self.text(record, name);
        let subject = ChargeSubject {
            provider: self.first(record, &["ProviderName", "ServiceProviderName", "PublisherName"]),
            account: text("BillingAccountId"),
            sub_account: self.first(record, &["SubAccountName", "SubAccountId"]),
            service: text("ServiceName"),
            service_category: text("ServiceCategory"),
            region: self.first(record, &["RegionId", "RegionName"]),
            resource_id: text("ResourceId"),
            resource_name: text("ResourceName"),
            category: text("ChargeCategory"),
            currency: currency(&text("BillingCurrency"))?,
            tags: self.tags(record),
        };
        Ok(Charge {
            account_key: key(&subject),
            period,
            billed: self.amount(record, "BilledCost")?,
            effective: self.amount(record, "EffectiveCost")?,
            subject: Arc::new(subject),
        })
    }

    fn time(&self, record: &ByteRecord, name: &str) -> Result<Timestamp, String> {
        let text = self.text(record, name);
        Timestamp::parse(&text).ok_or_else(|| {
            format!("{name} `{text}` is no time such as 2026-11-01T00:00:00Z; take the export as the provider wrote it, not as a spreadsheet saved it")
        })
    }

    fn amount(&self, record: &ByteRecord, name: &str) -> Result<Decimal, String> {
        let text = self.text(record, name);
        decimal(&text).ok_or_else(|| {
            format!("{name} `{text}` is no plain decimal number; take the export as the provider wrote it, not as a spreadsheet saved it")
        })
    }

    fn tags(&self, record: &ByteRecord) -> Vec<(String, String)> {
        let place = self.names.iter().position(|known| known == "Tags");
        let field = place.and_then(|place| record.get(place)).unwrap_or_default();
        let Ok(serde_json::Value::Object(tags)) = serde_json::from_slice(field) else {
            return Vec::new();
        };
        let short = |text: &str| {
            text.get(..text.floor_char_boundary(TEXT_BYTES_MAX))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let mut tags: Vec<(String, String)> = tags
            .iter()
            .map(|(key, value)| match value {
                serde_json::Value::String(text) => (short(key), short(text)),
                other => (short(key), short(&other.to_string())),
            })
            .take(TAGS_MAX)
            .collect();
        tags.sort();
        tags
    }
}

/// A decimal as exports write it: plain, or with an exponent.
fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_str(text))
        .or_else(|_| Decimal::from_scientific(text))
        .ok()
        .map(|amount| amount.normalize())
}

fn currency(text: &str) -> Result<String, String> {
    match text {
        "" => Ok(NO_CURRENCY.to_owned()),
        text if text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Ok(text.to_uppercase())
        }
        text => Err(format!("BillingCurrency `{text}` is no currency")),
    }
}

/// Names the billing account without saying it.
fn key(subject: &ChargeSubject) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(subject.provider.as_bytes()).update(b"\n").update(subject.account.as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Hashes what is read, and ends a record that does not end by itself.
struct Watched<'a, R> {
    input: R,
    read: u64,
    record_start: Rc<Cell<u64>>,
    hasher: &'a mut blake3::Hasher,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.read += read as u64;
        if self.read.saturating_sub(self.record_start.get()) > RECORD_BYTES_MAX {
            return Err(io::Error::other(
                "holds a record that does not end, as after a stray quote",
            ));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_what_they_say_and_nothing_else_is_one() {
        for (text, amount) in [
            ("0.00000080000", "0.0000008"),
            ("-2.6137", "-2.6137"),
            ("1.2E-05", "0.000012"),
            ("48", "48"),
            ("123456789012345.12345678901", "123456789012345.12345678901"),
        ] {
            assert_eq!(decimal(text).unwrap().to_string(), amount);
        }
        for text in ["", "$10,000.00", "1.000,00", "NaN", "inf", "1e99", "0x10"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn an_export_is_told_by_its_columns() {
        assert!(looks_like(
            "\"BilledCost\",\"ChargePeriodEnd\",ChargePeriodStart, EffectiveCost\n1,2"
        ));
        assert!(!looks_like("lineItem/UnblendedCost,bill/PayerAccountId\n"));
        assert!(!looks_like(""));
    }
}
