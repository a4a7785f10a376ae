//! The masker: compiled detectors, and the promise that a text which could not be examined goes nowhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    anchors::Anchors,
    clean::CleanTexts,
    detect::keyed,
    finding::{Finding, Kind, merge},
    line::Line,
    masked::{Masked, Withheld},
    scan,
};

/// The longest text that is examined; a longer one is withheld.
const TEXT_BYTES_MAX: usize = 64 << 20;

/// A mask can bring text together that now reads as a secret, so the result is examined again, at most this often.
const ROUNDS_MAX: usize = 6;

/// Finds and masks personal data and secrets. Compile once, share everywhere.
pub struct Masker {
    anchors: Option<Anchors>,
    #[cfg(test)]
    panics_at: Option<&'static str>,
}

impl Default for Masker {
    fn default() -> Masker {
        Masker::new()
    }
}

impl Masker {
    /// Compiles the detectors. A masker that failed to compile withholds everything.
    pub fn new() -> Masker {
        Masker {
            anchors: Anchors::compile(),
            #[cfg(test)]
            panics_at: None,
        }
    }

    /// A masker whose detectors panic on texts that contain `word`.
    #[cfg(test)]
    pub(crate) fn failing_at(word: &'static str) -> Masker {
        Masker { panics_at: Some(word), ..Masker::new() }
    }

    /// Finds what should be masked: sorted, non-overlapping byte ranges. A text that cannot be examined is one finding.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        self.find_in_field("", text)
    }

    /// As [`Masker::find`] for the value of an attribute or label, whose name is part of the context.
    pub fn find_in_field(&self, key: &str, text: &str) -> Vec<Finding> {
        match self.guarded(|| self.examine(key, text)) {
            Ok(findings) => findings,
            Err(Withheld) => vec![Finding { range: 0..text.len(), kind: Kind::Unreadable }],
        }
    }

    /// Replaces every finding by its kind, as in `[email]`.
    pub fn mask_text(&self, text: &str) -> Result<Masked<String>, Withheld> {
        let masked = self.guarded(|| self.masked("", text))?;
        Ok(Masked::new(masked.unwrap_or_else(|| text.to_owned())))
    }

    /// Masks every text inside a value: `walk` calls back with the name (or `""`) and the text of each.
    pub fn mask<T>(
        &self,
        value: T,
        walk: impl FnOnce(&mut T, &mut dyn FnMut(&str, &mut String)),
    ) -> Result<Masked<T>, Withheld> {
        self.try_mask(value, walk).map_err(|(_, withheld)| withheld)
    }

    /// As [`Masker::mask`], but gives the value back when a text of it cannot be masked, so that its other parts can be
    /// tried. It is as unfit for storing as it was; texts that were masked before the failure stay masked.
    pub fn try_mask<T>(
        &self,
        value: T,
        walk: impl FnOnce(&mut T, &mut dyn FnMut(&str, &mut String)),
    ) -> Result<Masked<T>, (T, Withheld)> {
        self.try_mask_with(&mut CleanTexts::default(), value, walk)
    }

    /// As [`Masker::try_mask`], for one of many values: what is in `clean` is not examined again.
    pub fn try_mask_with<T>(
        &self,
        clean: &mut CleanTexts,
        mut value: T,
        walk: impl FnOnce(&mut T, &mut dyn FnMut(&str, &mut String)),
    ) -> Result<Masked<T>, (T, Withheld)> {
        let mut outcome = Ok(());
        let walked = self.guarded(|| {
            walk(&mut value, &mut |key, text| {
                let slot = CleanTexts::slot(key, text);
                if clean.contains(slot, key, text) {
                    return;
                }
                match self.masked(key, text) {
                    Ok(Some(masked)) => *text = masked,
                    Ok(None) => clean.insert(slot, key, text),
                    Err(Withheld) => outcome = Err(Withheld),
                }
            });
            Ok(())
        });
        match walked.and(outcome) {
            Ok(()) => Ok(Masked::new(value)),
            Err(withheld) => Err((value, withheld)),
        }
    }

    /// Runs detectors; a panic in one of them withholds the value instead of taking the process down.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, Withheld>) -> Result<T, Withheld> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Withheld))
    }

    /// The masked text, or nothing where there is nothing to mask.
    fn masked(&self, key: &str, text: &str) -> Result<Option<String>, Withheld> {
        let mut current: Option<String> = None;
        for _ in 0..ROUNDS_MAX {
            let before = current.as_deref().unwrap_or(text);
            let findings = self.examine(key, before)?;
            if findings.is_empty() {
                return Ok(current);
            }
            current = Some(replace(before, &findings));
        }
        Err(Withheld)
    }

    fn examine(&self, key: &str, text: &str) -> Result<Vec<Finding>, Withheld> {
        let anchors = self.anchors.as_ref().ok_or(Withheld)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(Withheld);
        }
        #[cfg(test)]
        assert!(!self.panics_at.is_some_and(|word| text.contains(word)), "injected failure");
        let mut line = Line::new(text);
        if !key.is_empty() && !text.is_empty() {
            keyed::whole(&mut line, key);
        }
        anchors.visit(&mut line);
        scan::visit(&mut line);
        if line.exhausted() {
            return Err(Withheld);
        }
        Ok(merge(line.into_findings()))
    }
}

fn replace(text: &str, findings: &[Finding]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut kept_to = 0;
    for finding in findings {
        masked.push_str(text.get(kept_to..finding.range.start).unwrap_or(""));
        masked.push('[');
        masked.push_str(finding.kind.name());
        masked.push(']');
        kept_to = finding.range.end;
    }
    masked.push_str(text.get(kept_to..).unwrap_or(""));
    masked
}
