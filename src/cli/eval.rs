//! `groundcrew eval`: runs the measurements and writes what the graders read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use groundcrew_masking::Masker;

use super::eval_arguments::{EvalCommand, InjectionArguments};
use super::exit::Exit;
use super::print;
use crate::config::Settings;
use crate::eval::{
    self, Agreement, AnswersRun, BundleRun, DocumentsScaled, EmbeddingSpeed, InjectionOptions,
    Labelled, MemoryOptions, Ranked, RcaOptions, ScaleOptions, Scaled, Share, SimulatedOptions,
    SystemTemplates, Teller, TemplatesRun,
};
use crate::investigate::Investigator;
use crate::investigate::answer::Confidence;
use crate::investigate::format::count;

pub(super) fn run(settings: &Settings, command: EvalCommand) -> Result<Exit> {
    match command {
        EvalCommand::Rca { cases, rankings, explain, only, jobs, quiet, signals } => {
            rca(settings, &RcaOptions { cases, only, jobs, quiet, signals }, &rankings, explain)?;
        }
        EvalCommand::Simulated { services, runs, healthy, pairs, seed, jobs, only, out } => {
            let options = SimulatedOptions { services, runs, healthy, pairs, seed, jobs, only };
            simulated(settings, &options, out.as_deref())?;
        }
        EvalCommand::Memory { runs, seed, jobs } => {
            let options = MemoryOptions { runs, seed, jobs };
            let rows = eval::memory(like(settings)?.as_ref(), options)?;
            print::out(&eval::memory_table(&rows))?;
        }
        EvalCommand::Injection(arguments) => injection(settings, arguments)?,
        EvalCommand::Bundles { cases, budget, out, pooled, only } => {
            let run = BundleRun { cases, budget, pooled, only };
            let rows = eval::bundles(like(settings)?.as_ref(), &run, &|case| print::note(case))?;
            eval::write(&out, &rows)?;
        }
        EvalCommand::Answers { cases, budget, out, only, ablate, jobs } => {
            let run = AnswersRun { cases, budget, only, ablate, jobs };
            let rows = eval::answers(like(settings)?.as_ref(), &run, &|case| print::note(case))?;
            eval::write(&out, &rows)?;
            print::out(&eval::answers_table(&rows))?;
        }
        EvalCommand::Retrieval { dir, out, embeddings } => {
            let like = like(settings)?;
            let embeddings = embeddings.as_deref();
            let rows = eval::retrieval(like.as_ref(), &dir, embeddings, &|note| print::note(note))?;
            eval::write(&out, &rows)?;
        }
        EvalCommand::Embedding { threads, seconds } => {
            let model_dir = &settings.embedding.model_dir;
            eval::embedding(model_dir, threads, seconds, &|speed| print::note(embedded(speed)))?;
        }
        EvalCommand::DocumentsScale { dir, factors } => {
            eval::documents_scale(like(settings)?.as_ref(), &dir, &factors, &|size| {
                print::note(documents_scaled(size))
            })?;
        }
        EvalCommand::Scale { factors, lines, seed } => {
            let options = ScaleOptions { factors, lines, seed };
            eval::scale(like(settings)?.as_ref(), &options, &|size| print::note(scaled(size)))?;
        }
        EvalCommand::Mask { file, out } => eval::write(&out, &eval::mask(&Masker::new(), &file)?)?,
        EvalCommand::Templates { dir, out } => {
            let run = eval::templates(&dir, &|system| print::note(system))?;
            eval::write(&out, &run.rows)?;
            print::out(&templates_table(&run))?;
        }
    }
    Ok(Exit::Success)
}

/// Answers by how sure they are, the surest first and those without a cause last.
fn by_confidence(ranked: &[Ranked]) -> Vec<(Option<Confidence>, Vec<&Ranked>)> {
    let levels = [Some(Confidence::High), Some(Confidence::Medium), Some(Confidence::Low), None];
    levels
        .into_iter()
        .map(|level| (level, ranked.iter().filter(|case| case.confidence == level).collect()))
        .collect()
}

/// One size in a line.
fn scaled(size: &Scaled) -> String {
    let records = (size.spans + size.logs + size.points) as f64;
    let steps: Vec<String> =
        size.steps_ms.iter().map(|(step, ms)| format!("{step} {ms}")).collect();
    format!(
        "x{:<4} {:>12} spans {:>12} log records {:>10} points  stored at {:.0} records/s  answered in {} ms ({})  {}",
        size.factor,
        count(size.spans),
        count(size.logs),
        count(size.points),
        records / size.ingest.as_secs_f64().max(f64::EPSILON),
        size.took.as_millis(),
        steps.join(", "),
        size.suspect,
    )
}

/// One length of text in a line.
fn embedded(speed: &EmbeddingSpeed) -> String {
    format!(
        "{:>4} tokens, {} threads: {:.1} texts per second, {:.1} per second of processor time, one alone {:.1} ms",
        speed.tokens,
        speed.threads,
        speed.texts_per_sec,
        speed.texts_per_cpu_sec.unwrap_or(f64::NAN),
        speed.alone.as_secs_f64() * 1e3
    )
}

/// One size of the document index in a line.
fn documents_scaled(size: &DocumentsScaled) -> String {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    format!(
        "x{:<4} {:>9} documents {:>9} passages  index {:.1} MiB  built in {:.1} s, again in {:.1} s  memory {:.0} MiB  first {:.1} ms, p50 {:.1} ms, p95 {:.1} ms",
        size.factor,
        count(size.documents),
        count(size.chunks),
        mebibytes(size.index_bytes),
        size.build.as_secs_f64(),
        size.rebuild.as_secs_f64(),
        mebibytes(size.memory_bytes),
        size.first.as_secs_f64() * 1e3,
        size.p50.as_secs_f64() * 1e3,
        size.p95.as_secs_f64() * 1e3,
    )
}

/// The parts that every fresh store of a measurement shares.
fn like(settings: &Settings) -> Result<std::sync::Arc<Investigator>> {
    let mut settings = settings.clone();
    let scratch = tempfile::tempdir().context("failed to make a temporary directory")?;
    settings.data.dir = scratch.path().to_owned();
    settings.llm.base_url.clear();
    settings.llm.api_key = crate::config::Secret::default();
    let store = crate::app::open_store(&settings, groundcrew_store::Access::ReadWrite)?;
    Ok(crate::app::build_investigator(&settings, store)?)
}

fn simulated(settings: &Settings, options: &SimulatedOptions, out: Option<&Path>) -> Result<()> {
    let rows = eval::simulated(like(settings)?.as_ref(), options, &|row| {
        print::note(row.line());
    })?;
    if let Some(out) = out {
        eval::write(out, &rows)?;
    }
    print::out(&eval::simulated_table(&rows))?;
    Ok(())
}

fn injection(settings: &Settings, arguments: InjectionArguments) -> Result<()> {
    let teller = match (arguments.base_url, arguments.model) {
        (Some(base_url), Some(model)) => {
            let mut settings = settings.clone();
            settings.llm.base_url = base_url;
            settings.llm.model = model;
            crate::app::build_model(&settings)?.map_or(Teller::Plain, Teller::Model)
        }
        _ if arguments.obedient => Teller::Obedient,
        _ => Teller::Plain,
    };
    let shares = match arguments.share.as_str() {
        "all" => Share::ALL.to_vec(),
        share => vec![share.parse().map_or(Share::One, Share::Part)],
    };
    let options = InjectionOptions {
        file: arguments.file,
        shares,
        teller,
        canary: arguments.canary,
        seed: arguments.seed,
        jobs: arguments.jobs,
        only: arguments.only,
    };
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    let like = like(settings)?;
    let rows = eval::injection(like.as_ref(), &runtime, &options, &|id| {
        print::note(crate::text::visible(id));
    })?;
    eval::write(&arguments.out, &rows)?;
    print::out(&eval::injection_table(&rows))?;
    Ok(())
}

fn rca(settings: &Settings, options: &RcaOptions, rankings: &PathBuf, explain: bool) -> Result<()> {
    let ranked = eval::rca(like(settings)?.as_ref(), options, &|ranked| {
        print::note(format!(
            "{:<32} {:>5} ms  {:<6} {:.2}  {}{}",
            ranked.key,
            ranked.took.as_millis(),
            ranked.confidence.map_or("-", Confidence::name),
            ranked.score,
            ranked.ranking.first().map_or("-", String::as_str),
            if ranked.right == Some(false) { "  (wrong)" } else { "" }
        ));
        if explain {
            ranked.account.iter().for_each(|sentence| {
                print::note(format!("    {}", crate::text::visible(sentence)))
            });
        }
    })?;
    let table: BTreeMap<&str, &[String]> =
        ranked.iter().map(|case| (case.key.as_str(), case.ranking.as_slice())).collect();
    std::fs::write(rankings, serde_json::to_string_pretty(&table)?)
        .with_context(|| format!("failed to write {}", rankings.display()))?;
    let mut times: Vec<u128> = ranked.iter().map(|case| case.took.as_millis()).collect();
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0)
    };
    for (confidence, cases) in by_confidence(&ranked) {
        let judged: Vec<bool> = cases.iter().filter_map(|case| case.right).collect();
        let right = judged.iter().filter(|right| **right).count();
        print::note(format!(
            "{:<9} {:>3} answers, {right} of {} right",
            confidence.map_or("no cause", Confidence::name),
            cases.len(),
            judged.len()
        ));
    }
    print::note(format!("{} cases, facts card p50 {} ms, p95 {} ms", times.len(), at(50), at(95)));
    Ok(())
}

/// Grouping accuracy and F1 of groups per system; only the speed where nothing is labelled.
fn templates_table(run: &TemplatesRun) -> String {
    let speed = format!("{:.0} lines per second on one core\n", run.lines_per_sec);
    let labelled: Vec<(&SystemTemplates, &Labelled)> =
        run.systems.iter().filter_map(|row| Some((row, row.labelled.as_ref()?))).collect();
    if labelled.is_empty() {
        return speed;
    }
    let part = |of: &Agreement| format!("  {:>6} {:>5.3} {:>5.3}", of.groups, of.accuracy, of.f1);
    let mut table = format!(
        "{:<16} {:>6} {:>6}  {:<18}  {:<18}  messages\n{:<16} {:>6} {:>6}",
        "", "", "", "raw lines, ids", "raw lines, groups", "system", "lines", "labels"
    );
    table.push_str(&"  groups    GA    F1".repeat(3));
    for (row, labels) in &labelled {
        let system = crate::text::visible(&row.system);
        table.push_str(&format!("\n{system:<16} {:>6} {:>6}", row.lines, labels.groups));
        [labels.raw_ids, labels.raw, labels.messages]
            .iter()
            .for_each(|agreement| table.push_str(&part(agreement)));
    }
    table.push_str(&format!("\n{:<30}", "mean"));
    let columns: [fn(&Labelled) -> Agreement; 3] =
        [|row| row.raw_ids, |row| row.raw, |row| row.messages];
    for of in columns {
        let mean = |value: fn(&Agreement) -> f64| {
            labelled.iter().map(|(_, row)| value(&of(row))).sum::<f64>() / labelled.len() as f64
        };
        let (accuracy, f1) = (mean(|of| of.accuracy), mean(|of| of.f1));
        table.push_str(&format!("  {:>6} {accuracy:>5.3} {f1:>5.3}", ""));
    }
    format!("{table}\n{speed}")
}
