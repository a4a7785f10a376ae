//! `groundcrew chat`: questions and follow-ups in one conversation, with commands to look at what was answered.

mod command;
mod lines;

use anstyle::Style;
use anyhow::{Context, Result};
use clap::Args;

use self::command::{COMMANDS, Typed};
use self::lines::{Line, Lines};
use super::arguments::{ConfirmArguments, DoctorOutput, IncidentCommand, Output};
use super::asking::Place;
use super::exit::Exit;
use super::export::ExportArguments;
use super::interrupt::Interrupts;
use super::stores::moment;
use super::terminal::Terminal;
use super::{ask, export, incident, print, render, show};
use crate::config::Settings;
use crate::investigate::answer::Answer;
use crate::surfaces::wire::{Ask, Scope};
use crate::text::visible;

const DIM: Style = Style::new().dimmed();

#[derive(Args, Debug)]
#[command(
    after_help = "Talks to the running server of the data directory, or without one looks at the data itself. /help shows the commands.\n\
Ctrl-C cancels a question and keeps what is proven; Ctrl-C twice leaves.\n\n\
Examples:\n  groundcrew chat\n  groundcrew chat --service checkout --since 30m"
)]
pub(super) struct ChatArguments {
    /// Look at this service; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// How far back the trouble may lie: 90s, 15m, 2h, 1d
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Go on with a conversation of the running server, or begin one of this name
    #[arg(short, long, value_name = "ID")]
    pub conversation: Option<String>,
    /// Fill the model's whole window instead of what a first answer takes
    #[arg(long)]
    pub deep: bool,
}

pub(super) async fn run(
    settings: Settings,
    arguments: ChatArguments,
    mut terminal: Terminal,
) -> Result<Exit> {
    let scope = Scope { services: arguments.service, since: arguments.since, ..Scope::default() };
    // A wrong duration is told at once.
    ask::question(&Ask { text: "?".to_owned(), scope: scope.clone(), ..Ask::default() })?;
    let place = Place::find(&settings).await?;
    terminal.server = place.server();
    print::note(match &terminal.server {
        Some(server) => format!("asking {server}; /help shows the commands, Ctrl-D leaves"),
        None => format!(
            "asking {}; /help shows the commands, Ctrl-D leaves",
            settings.data.dir.display()
        ),
    });
    let lines = Lines::open(&settings.data.dir)?;
    let conversation = arguments.conversation.unwrap_or_else(new_conversation);
    let chat = Chat {
        settings,
        terminal,
        place,
        scope,
        conversation,
        mode: arguments.deep.then(|| "deep".to_owned()),
        last: None,
        interrupted: false,
    };
    chat.talk(lines).await
}

fn new_conversation() -> String {
    format!("chat_{}", uuid::Uuid::new_v4().simple())
}

struct Chat {
    settings: Settings,
    terminal: Terminal,
    place: Place,
    scope: Scope,
    /// Its name on a server.
    conversation: String,
    mode: Option<String>,
    last: Option<Answer>,
    /// Whether Ctrl-C was the last that was heard; once more leaves.
    interrupted: bool,
}

impl Chat {
    async fn talk(mut self, mut lines: Lines) -> Result<Exit> {
        loop {
            let prompt = self.prompt();
            let (line, back) = tokio::task::spawn_blocking(move || {
                let line = lines.next(&prompt);
                (line, lines)
            })
            .await
            .context("the line editor died, a bug")?;
            lines = back;
            let typed = match line? {
                Line::Typed(typed) => typed,
                Line::End => return Ok(Exit::Success),
                Line::Interrupted if self.interrupted => return Ok(Exit::Interrupted),
                Line::Interrupted => {
                    self.interrupted = true;
                    print::note("Ctrl-C once more leaves");
                    continue;
                }
            };
            self.interrupted = false;
            let done = match command::read(&typed) {
                Ok(Typed::Exit) => return Ok(Exit::Success),
                Ok(Typed::Question(text)) => match self.ask(text).await {
                    Ok(Some(exit)) => return Ok(exit),
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                },
                Ok(typed) => self.obey(typed),
                Err(told) => Err(anyhow::Error::msg(told)),
            };
            // A mistake ends a question, never the conversation.
            if let Err(error) = done {
                print::note(visible(&format!("error: {error:#}")));
            }
        }
    }

    fn prompt(&self) -> String {
        let mut about: Vec<&str> = self.scope.services.iter().map(String::as_str).collect();
        about.extend(self.scope.since.as_deref());
        if about.is_empty() { "> ".to_owned() } else { visible(&format!("{} > ", about.join(" "))) }
    }

    /// Answers; says how the program ends when Ctrl-C was pressed twice.
    async fn ask(&mut self, text: String) -> Result<Option<Exit>> {
        let ask = Ask {
            text,
            sid: Some(self.conversation.clone()),
            mode: self.mode.clone(),
            scope: self.scope.clone(),
            ..Ask::default()
        };
        let question = ask::question(&ask)?;
        let interrupts = Interrupts::listen();
        let on_frame = ask::progress(Output::Text);
        let answered = tokio::select! {
            answered = self.place.answer(&ask, question, &interrupts.stop, on_frame) => answered?,
            () = interrupts.now.cancelled() => return Ok(Some(Exit::Interrupted)),
        };
        if interrupts.happened() {
            self.interrupted = true;
            print::note("cancelled; what is proven so far stands; Ctrl-C once more leaves");
        }
        if let Some(answer) = answered {
            print::out(&render::text(&answer, &self.terminal))?;
            self.last = Some(answer);
        }
        Ok(None)
    }

    fn last(&self) -> Result<&Answer> {
        self.last.as_ref().context("nothing was answered yet")
    }

    fn obey(&mut self, typed: Typed) -> Result<()> {
        match typed {
            Typed::Nothing | Typed::Exit | Typed::Question(_) => Ok(()),
            Typed::Help => Ok(print::out(&help())?),
            Typed::Since(since) => {
                self.scope.since = since;
                Ok(())
            }
            Typed::Service(services) => {
                self.scope.services = services;
                Ok(())
            }
            Typed::Context => Ok(print::out(&self.context())?),
            Typed::Last => Ok(print::out(&render::text(self.last()?, &self.terminal))?),
            Typed::Evidence => Ok(print::out(&evidence(self.last()?, &self.terminal))?),
            Typed::Show(name) => {
                let answer = self.last()?;
                let item = show::item(answer, &name)?;
                Ok(print::out(&show::page(answer, item, &self.terminal))?)
            }
            Typed::Feedback { is_right, words } => self.tell(is_right, words),
            Typed::Export(folder) => {
                let code = self.last()?.answer_id.clone();
                let out = folder.unwrap_or_else(|| ".".to_owned()).into();
                let arguments = ExportArguments { code, out, output: DoctorOutput::Text };
                export::run(&self.settings, &arguments).map(drop)
            }
            Typed::Clear => {
                self.conversation = new_conversation();
                if let Place::Here(here) = &mut self.place {
                    here.thread = None;
                }
                (self.last, self.scope) = (None, Scope::default());
                print::note("another conversation");
                Ok(())
            }
        }
    }

    fn tell(&self, is_right: bool, words: Option<String>) -> Result<()> {
        let code = self.last()?.answer_id.clone();
        let said = if is_right {
            IncidentCommand::Confirm(ConfirmArguments {
                code,
                cause: None,
                kind: None,
                why: None,
                fix: None,
                took: None,
                note: words,
            })
        } else {
            IncidentCommand::Wrong { code, note: words }
        };
        incident::run(&self.settings, said).map(drop)
    }

    /// What the next question stands in.
    fn context(&self) -> String {
        let or_all = |services: &[String]| match services {
            [] => "all services".to_owned(),
            services => services.join(", "),
        };
        let since = self.scope.since.as_deref().unwrap_or("as the question says");
        let mut page = format!("asked    {}, {since}\n", or_all(&self.scope.services));
        if let Place::Server(_) = self.place {
            page.push_str(&format!("talk     {}\n", self.conversation));
        }
        if let Some(answer) = &self.last {
            let (from, to) = (moment(answer.from), moment(answer.to));
            page.push_str(&format!("about    {}, {from} to {to}\n", or_all(&answer.scope)));
            page.push_str(&format!("answer   {} {}\n", answer.incident, answer.answer_id));
            page.push_str(&format!("took     {}\n", crate::markdown::receipt(answer)));
        }
        visible(&page)
    }
}

fn help() -> String {
    let mut page =
        "Type a question; what it leaves unsaid is taken from the one before.\n".to_owned();
    for (name, rest, what) in COMMANDS {
        page.push_str(&format!("  {:<30} {DIM}{what}{DIM:#}\n", format!("{name} {rest}")));
    }
    page
}

/// The evidence of an answer, a line each.
fn evidence(answer: &Answer, terminal: &Terminal) -> String {
    let line = |item: &crate::investigate::evidence::Evidence| {
        let chart = item.series.as_deref().map(render::sparkline).unwrap_or_default();
        let id = terminal.link(&item.id, &item.permalink);
        format!("{id} {DIM}{}{DIM:#} {} {chart}\n", item.kind.label(), visible(&item.title))
    };
    terminal.fit(&answer.evidence.iter().map(line).collect::<String>())
}
