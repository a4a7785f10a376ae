//! Reads the layers and lays them over each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{ConfigError, McpServer, SETTINGS, Secret, Settings, environment_name, reference};

/// The environment as a map, so that tests can bring their own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process' environment; values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(key, value)| {
                    Some((key.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The value of `name`, when it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// An XDG base directory, or its default below the home directory.
    fn base(&self, variable: &str, below_home: &str) -> PathBuf {
        match self.get(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(path) => path,
            None => PathBuf::from(self.get("HOME").unwrap_or(".")).join(below_home),
        }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }
}

/// Loads the settings: defaults, files, environment, then `flags` (key and TOML value).
///
/// # Errors
/// When a file cannot be read or a layer holds something that is not a setting.
pub fn load(
    environment: &Environment,
    file: Option<&Path>,
    flags: &[(&str, Value)],
) -> Result<Settings, ConfigError> {
    let mut merged: Table =
        reference().parse().map_err(|error| invalid("built-in defaults", &error))?;
    match file {
        Some(path) => lay(&mut merged, read(path)?),
        None => {
            for path in [Path::new("/etc/groundcrew/groundcrew.toml"), Path::new("groundcrew.toml")]
            {
                if path.exists() {
                    lay(&mut merged, read(path)?);
                }
            }
        }
    }
    lay_environment(&mut merged, environment)?;
    for (key, value) in flags {
        set(&mut merged, key, value.clone());
    }
    let mut settings: Settings =
        Value::Table(merged).try_into().map_err(|error| invalid("configuration", &error))?;
    fill_in(&mut settings, environment)?;
    Ok(settings)
}

fn invalid(place: &str, error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::Invalid { place: place.to_owned(), message: error.to_string().trim().to_owned() }
}

/// Reads a file and checks it by itself, so that the error names the file.
fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let table: Table =
        text.parse().map_err(|error| invalid(&path.display().to_string(), &error))?;
    let mut alone: Table =
        reference().parse().map_err(|error| invalid("built-in defaults", &error))?;
    lay(&mut alone, table.clone());
    let checked: Result<Settings, _> = Value::Table(alone).try_into();
    let settings = checked.map_err(|error| invalid(&path.display().to_string(), &error))?;
    if settings.config_version != 1 {
        let message =
            format!("config_version is {}, this version reads 1", settings.config_version);
        return Err(ConfigError::Invalid { place: path.display().to_string(), message });
    }
    Ok(table)
}

fn lay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => lay(inner, over),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((section, name)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, name, value);
            }
        }
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}

fn lay_environment(table: &mut Table, environment: &Environment) -> Result<(), ConfigError> {
    for setting in &SETTINGS {
        let name = environment_name(setting.key);
        let found = match (environment.get(&name), setting.also) {
            (Some(text), _) => Some((name, text)),
            (None, Some(also)) => environment.get(also).map(|text| (also.to_owned(), text)),
            (None, None) => None,
        };
        if let Some((name, text)) = found {
            set(table, setting.key, as_kind_of(setting.default, &name, text)?);
        }
    }
    Ok(())
}

/// Reads a variable's text as the kind of value that the default is.
fn as_kind_of(default: &str, name: &str, text: &str) -> Result<Value, ConfigError> {
    let wrong = |wanted: &str| ConfigError::Invalid {
        place: name.to_owned(),
        message: format!("`{text}` is not {wanted}"),
    };
    if default.starts_with('"') {
        return Ok(Value::String(text.to_owned()));
    }
    if default.starts_with('[') {
        let items = text.split(',').map(|item| Value::String(item.trim().to_owned())).collect();
        return Ok(Value::Array(items));
    }
    if default == "true" || default == "false" {
        return text.parse().map(Value::Boolean).map_err(|_| wrong("true or false"));
    }
    text.parse().map(Value::Integer).map_err(|_| wrong("a whole number"))
}

/// Works out what depends on the machine, and reads secrets from their files.
fn fill_in(settings: &mut Settings, environment: &Environment) -> Result<(), ConfigError> {
    if settings.data.dir.as_os_str().is_empty() {
        settings.data.dir = environment.base("XDG_DATA_HOME", ".local/share").join("groundcrew");
    }
    if settings.embedding.model_dir.as_os_str().is_empty() {
        settings.embedding.model_dir = environment
            .base("XDG_CACHE_HOME", ".cache")
            .join("groundcrew")
            .join("all-MiniLM-L6-v2");
    }
    for (secret, file) in [
        (&mut settings.server.token, &settings.server.token_file),
        (&mut settings.intake.fluent_shared_key, &settings.intake.fluent_shared_key_file),
        (&mut settings.intake.kafka_password, &settings.intake.kafka_password_file),
        (&mut settings.intake.nats_password, &settings.intake.nats_password_file),
        (&mut settings.intake.nats_credentials, &settings.intake.nats_credentials_file),
        (&mut settings.hooks.github_secret, &settings.hooks.github_secret_file),
        (&mut settings.hooks.pagerduty_secret, &settings.hooks.pagerduty_secret_file),
        (&mut settings.llm.api_key, &settings.llm.api_key_file),
        (&mut settings.embedding.api_key, &settings.embedding.api_key_file),
        (&mut settings.slack.bot_token, &settings.slack.bot_token_file),
        (&mut settings.slack.app_token, &settings.slack.app_token_file),
        (&mut settings.slack.signing_secret, &settings.slack.signing_secret_file),
        (&mut settings.documents.qdrant.api_key, &settings.documents.qdrant.api_key_file),
        (&mut settings.cold.secret_access_key, &settings.cold.secret_access_key_file),
        (&mut settings.cold.azure_key, &settings.cold.azure_key_file),
    ] {
        if secret.is_empty() && !file.as_os_str().is_empty() {
            let text = std::fs::read_to_string(file)
                .map_err(|source| ConfigError::Read { path: file.clone(), source })?;
            *secret = Secret::new(text.trim());
        }
    }
    settings.cold.take_role(environment);
    settings.actions.fill_in()?;
    settings.mcp.servers.iter_mut().try_for_each(check_server)
}

/// Reads a server's token, and refuses one that could not be asked or not be named.
fn check_server(server: &mut McpServer) -> Result<(), ConfigError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let wrong = |message: &str| ConfigError::Invalid {
        place: "mcp.servers".to_owned(),
        message: message.to_owned(),
    };
    if !(1..=40).contains(&server.name.len()) || !server.name.bytes().all(is_name) {
        return Err(wrong("a server's name has 1 to 40 letters, digits, - or _"));
    }
    if server.url.is_empty() == server.command.is_empty() {
        return Err(wrong("a server has either url or command"));
    }
    if server.token.is_empty() && !server.token_file.as_os_str().is_empty() {
        let path = server.token_file.clone();
        let text =
            std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path, source })?;
        server.token = Secret::new(text.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(environment: &Environment, text: Option<&str>) -> Result<Settings, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("groundcrew.toml");
        std::fs::write(&path, text.unwrap_or("config_version = 1")).unwrap();
        load(environment, Some(&path), &[])
    }

    #[test]
    fn later_layers_win() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"\n[llm]\nmodel = \"a\"\n";
        let settings = loaded(&Environment::default(), Some(file)).unwrap();
        assert_eq!(settings.server.listen.port(), 1);
        let environment = Environment::from([
            ("GROUNDCREW__SERVER__LISTEN", "127.0.0.1:2"),
            ("OPENAI_API_KEY", "k"),
            ("GROUNDCREW__SERVER__ALLOWED_ORIGINS", "https://a.example, https://b.example"),
            ("GROUNDCREW__DOCUMENTS__QDRANT__URL", "http://localhost:6334"),
        ]);
        let settings = loaded(&environment, Some(file)).unwrap();
        assert_eq!(settings.server.listen.port(), 2);
        assert_eq!(settings.llm.model, "a");
        assert_eq!(settings.documents.qdrant.url, "http://localhost:6334");
        assert_eq!(settings.documents.qdrant.collection, "groundcrew");
        assert!(settings.llm.is_configured());
        assert_eq!(settings.server.allowed_origins, ["https://a.example", "https://b.example"]);
        assert!(!format!("{settings:?}").contains("\"k\""), "secrets do not show");
    }

    #[test]
    fn directories_follow_xdg() {
        let environment =
            Environment::from([("HOME", "/home/ana"), ("XDG_CACHE_HOME", "relative-is-ignored")]);
        let settings = loaded(&environment, None).unwrap();
        assert_eq!(settings.data.dir, Path::new("/home/ana/.local/share/groundcrew"));
        assert_eq!(
            settings.embedding.model_dir,
            Path::new("/home/ana/.cache/groundcrew/all-MiniLM-L6-v2")
        );
    }

    #[test]
    fn mistakes_are_named() {
        let unknown =
            loaded(&Environment::default(), Some("[server]\nlissten = 1")).unwrap_err().to_string();
        assert!(
            unknown.contains("lissten")
                && unknown.contains("groundcrew.toml")
                && unknown.contains("hint"),
            "{unknown}"
        );
        let environment = Environment::from([("GROUNDCREW__SERVER__QUESTIONS_MAX", "many")]);
        let wrong = loaded(&environment, None).unwrap_err().to_string();
        assert!(wrong.contains("GROUNDCREW__SERVER__QUESTIONS_MAX"), "{wrong}");
        assert!(loaded(&Environment::default(), Some("config_version = 2")).is_err());
        assert!(load(&Environment::default(), Some(Path::new("/nowhere/x.toml")), &[]).is_err());
    }

    #[test]
    fn servers_that_may_be_asked_are_tables() {
        let file = "[[mcp.servers]]\nname = \"wiki\"\nurl = \"http://localhost:8000/mcp\"\ntoken = \"s3cret\"\n[[mcp.servers]]\nname = \"local\"\ncommand = [\"serve-it\", \"--quiet\"]\ntools = [\"find\"]\n";
        let settings = loaded(&Environment::default(), Some(file)).unwrap();
        assert_eq!(settings.mcp.servers.len(), 2);
        assert_eq!(settings.mcp.servers[1].command, ["serve-it", "--quiet"]);
        assert!(!format!("{settings:?}").contains("s3cret"));
        for wrong in [
            "[[mcp.servers]]\nname = \"a b\"\nurl = \"http://x\"\n",
            "[[mcp.servers]]\nname = \"a\"\n",
            "[[mcp.servers]]\nname = \"a\"\nurl = \"http://x\"\ncommand = [\"y\"]\n",
            "[[mcp.servers]]\nname = \"a\"\nurl = \"http://x\"\nwrites = true\n",
        ] {
            assert!(loaded(&Environment::default(), Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn strangers_need_a_token() {
        let environment = Environment::from([("GROUNDCREW__SERVER__OTLP_HTTP", "0.0.0.0:4318")]);
        let open = loaded(&environment, None).unwrap();
        assert!(open.check_exposure().is_err());
        let environment = Environment::from([
            ("GROUNDCREW__SERVER__OTLP_HTTP", "0.0.0.0:4318"),
            ("GROUNDCREW__SERVER__TOKEN", "t"),
        ]);
        assert!(loaded(&environment, None).unwrap().check_exposure().is_ok());
    }

    #[test]
    fn the_reference_is_a_working_file() {
        let settings = loaded(&Environment::default(), Some(&reference())).unwrap();
        assert_eq!(settings.data.memory_mib_max, 64);
    }
}
