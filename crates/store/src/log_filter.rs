//! Decides whether a log record is what a query asks for, wherever the record is kept.

use groundcrew_telemetry::{LogRecord, Severity, SpanId, TemplateId, TimeRange, TraceId, Value};

use crate::query::{LogQuery, ServiceFilter};
use crate::tokens::{Tokenizer, contains_ignore_case, query_tokens};

/// A query made ready for testing rows.
#[derive(Debug)]
pub(crate) struct LogFilter<'q> {
    pub(crate) range: TimeRange,
    pub(crate) services: ServiceFilter<'q>,
    pub(crate) severity_min: Severity,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) template: Option<TemplateId>,
    /// Tokens that must all occur.
    pub(crate) tokens: Vec<String>,
    /// Terms without a letter or digit: no token, so they are looked for as they are.
    pub(crate) literals: Vec<&'q str>,
}

impl<'q> LogFilter<'q> {
    pub(crate) fn new(query: &'q LogQuery) -> Self {
        let mut tokens: Vec<String> = Vec::new();
        let mut literals = Vec::new();
        for term in &query.terms {
            let term_tokens = query_tokens(term);
            if term_tokens.is_empty() {
                literals.push(term.as_str());
            }
            tokens.extend(term_tokens);
        }
        tokens.sort();
        tokens.dedup();
        Self {
            range: query.range,
            services: ServiceFilter(&query.services),
            severity_min: query.severity_min.unwrap_or_default(),
            trace_id: query.trace_id,
            template: query.template,
            tokens,
            literals,
        }
    }

    /// Severity and template, which cost least to tell.
    pub(crate) fn admits_columns(&self, severity: Severity, template: Option<TemplateId>) -> bool {
        severity >= self.severity_min
            && self.template.is_none_or(|wanted| template.unwrap_or(TemplateId(0)) == wanted)
    }

    pub(crate) fn admits_trace(&self, trace_id: Option<TraceId>) -> bool {
        self.trace_id.is_none_or(|wanted| trace_id == Some(wanted))
    }

    pub(crate) fn asks_for_text(&self) -> bool {
        !self.tokens.is_empty() || !self.literals.is_empty()
    }

    /// Whether a record in memory matches; its service is tested by the caller, once per portion.
    pub(crate) fn admits_record(&self, record: &LogRecord, tokenizer: &mut Tokenizer) -> bool {
        self.range.contains(record.time)
            && self.admits_columns(record.severity, record.template)
            && self.admits_trace(record.trace_id)
            && self.tokens.iter().all(|token| {
                id_is(token, record.trace_id, record.span_id)
                    || tokenizer.has_token(&record.body, token)
                    || record.attributes.iter().any(|(_, value)| {
                        any_text(value, &mut |text| tokenizer.has_token(text, token))
                    })
            })
            && self.literals.iter().all(|literal| {
                contains_ignore_case(&record.body, literal)
                    || record.attributes.iter().any(|(_, value)| {
                        any_text(value, &mut |text| contains_ignore_case(text, literal))
                    })
            })
    }
}

/// Whether `token` spells the trace or span id.
pub(crate) fn id_is(token: &str, trace_id: Option<TraceId>, span_id: Option<SpanId>) -> bool {
    match token.len() {
        32 => trace_id.is_some() && TraceId::from_hex(token) == trace_id,
        16 => span_id.is_some() && SpanId::from_hex(token) == span_id,
        _ => false,
    }
}

/// Whether `test` holds for any text inside `value`.
pub(crate) fn any_text(value: &Value, test: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::Str(text) => test(text),
        Value::List(values) => values.iter().any(|inner| any_text(inner, test)),
        Value::Map(entries) => entries.iter().any(|(_, inner)| any_text(inner, test)),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) | Value::Bytes(_) => false,
    }
}
