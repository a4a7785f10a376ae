//! Native histograms as the exponential and explicit ones that OTLP has, which the same code then spreads into series.

use super::messages::{BucketSpan, Histogram};
use crate::stages::decode::{ReadExponential, ReadHistogram};

/// Buckets between the first and the last that are laid out; a wider histogram is not an honest one.
const BUCKETS_MAX: usize = 65_536;
/// The schema that means "the bounds are listed".
const CUSTOM_BOUNDS: i32 = -53;

/// A native histogram in the words of OTLP.
pub(super) enum Native {
    Exponential(ReadExponential),
    Explicit(ReadHistogram),
}

/// Reads a native histogram; an error is the reason to reject it.
pub(super) fn read_native(histogram: &Histogram) -> Result<Native, String> {
    let count = match (histogram.count_int, histogram.count_float) {
        (Some(count), _) => count,
        (None, Some(count)) => whole(count)?,
        (None, None) => 0,
    };
    let zero_count = match (histogram.zero_count_int, histogram.zero_count_float) {
        (Some(count), _) => count,
        (None, Some(count)) => whole(count)?,
        (None, None) => 0,
    };
    let sum = Some(histogram.sum);
    let positive = dense(
        &histogram.positive_spans,
        counts_of(&histogram.positive_deltas, &histogram.positive_counts)?,
    )?;
    if histogram.schema == CUSTOM_BOUNDS {
        let bounds = histogram.custom_values.clone();
        let mut counts = vec![0; bounds.len() + 1];
        for (index, count) in (positive.0..).zip(positive.1) {
            let slot = usize::try_from(index).ok().and_then(|index| counts.get_mut(index));
            *slot.ok_or("a bucket lies beyond the bounds")? = count;
        }
        return Ok(Native::Explicit(ReadHistogram { count, sum, bounds, counts }));
    }
    if !(-4..=8).contains(&histogram.schema) {
        return Err(format!("schema {} is not known", histogram.schema));
    }
    let negative = dense(
        &histogram.negative_spans,
        counts_of(&histogram.negative_deltas, &histogram.negative_counts)?,
    )?;
    // Bucket `i` ends at the base to the power of `i` here and of `i + 1` in OTLP.
    let shifted = |(first, counts): (i32, Vec<u64>)| (first.saturating_sub(1), counts);
    let (positive, negative) = (shifted(positive), shifted(negative));
    let scale = histogram.schema;
    Ok(Native::Exponential(ReadExponential { count, sum, scale, zero_count, positive, negative }))
}

/// The counts of the buckets that are there: each is the one before plus its delta, or stands as it is.
fn counts_of(deltas: &[i64], counts: &[f64]) -> Result<Vec<u64>, String> {
    if deltas.is_empty() {
        return counts.iter().map(|count| whole(*count)).collect();
    }
    let mut running = 0_i64;
    let mut absolute = Vec::with_capacity(deltas.len());
    for delta in deltas {
        running = running.checked_add(*delta).ok_or("a bucket's count overflows")?;
        absolute.push(u64::try_from(running).map_err(|_| "a bucket's count is negative")?);
    }
    Ok(absolute)
}

fn whole(count: f64) -> Result<u64, String> {
    // Beyond 2^53 a float's neighbours are further apart than one, which is all the same here.
    if !count.is_finite() || !(0.0..1e18).contains(&count) {
        return Err("a count is negative or not finite".to_owned());
    }
    Ok(count.round() as u64)
}

/// Lays buckets out without gaps: the index of the first, and the counts from there on.
fn dense(spans: &[BucketSpan], counts: Vec<u64>) -> Result<(i32, Vec<u64>), String> {
    let mut laid_out: Vec<u64> = Vec::new();
    let mut remaining = counts.into_iter();
    for (position, span) in spans.iter().enumerate() {
        if position > 0 {
            let gap = usize::try_from(span.offset).map_err(|_| "spans of buckets overlap")?;
            if laid_out.len().saturating_add(gap) > BUCKETS_MAX {
                return Err(format!("more than {BUCKETS_MAX} buckets"));
            }
            laid_out.resize(laid_out.len() + gap, 0);
        }
        for _ in 0..span.length {
            laid_out.push(remaining.next().ok_or("a span has no buckets")?);
            if laid_out.len() > BUCKETS_MAX {
                return Err(format!("more than {BUCKETS_MAX} buckets"));
            }
        }
    }
    if remaining.next().is_some() {
        return Err("buckets lie outside every span".to_owned());
    }
    Ok((spans.first().map_or(0, |span| span.offset), laid_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_deltas_become_counts_without_gaps() {
        let spans = [BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 1, length: 1 }];
        let counts = counts_of(&[3, -2, 4], &[]).unwrap();
        assert_eq!(dense(&spans, counts).unwrap(), (-2, vec![3, 1, 0, 5]));
    }

    #[test]
    fn spans_that_lie_are_rejected() {
        let span = |offset, length| BucketSpan { offset, length };
        assert!(dense(&[span(0, u32::MAX)], vec![1]).is_err());
        assert!(dense(&[span(0, 1)], vec![1, 2]).is_err());
        assert!(dense(&[span(0, 1), span(i32::MAX, 1)], vec![1, 2]).is_err());
        assert!(dense(&[span(0, 1), span(-1, 1)], vec![1, 2]).is_err());
        assert!(counts_of(&[1, -2], &[]).is_err());
        assert!(counts_of(&[i64::MAX, 1], &[]).is_err());
        assert!(counts_of(&[], &[f64::NAN]).is_err());
    }
}
