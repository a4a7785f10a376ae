//! Tests of the store as a whole, with real files.

mod aging;
mod cold;
mod crash;
mod damage;
mod extremes;
mod fixtures;
mod full_disk;
mod joining;
mod lines;
mod merging;
mod readers;
mod reading_back;
mod resends;
mod retention;
mod rollups;
mod round_trip;
mod searching;
mod simulated_load;
mod simulation;
mod span_counts;
mod spans_and_metrics;
mod streams;
mod tail_sampling;
