//! Where a PostgreSQL server is, and as whom to connect: URLs and `key=value` lists, as libpq writes them.
//!
//! tokio-postgres reads both forms, but not all of what people's URLs hold: `sslmode=verify-full`, `sslrootcert` and a
//! few more are libpq's. So an address is read here into its parameters, the ones that concern TLS are taken out, and
//! the rest goes to the driver's own parser. **Invariant:** nothing here prints a password: not `Display`, not `Debug`,
//! and no error.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::config::SslMode;
use whimbrel_core::{Code, Error, Result};

use super::tls::{self, Connector};

/// The address of a PostgreSQL database: host, role, database, and how to connect.
///
/// ```
/// use whimbrel::postgres_host::Address;
///
/// let address = Address::parse("postgres://anna:secret@db.example.org/notes?sslmode=verify-full")?;
/// assert_eq!(address.database(), Some("notes"));
/// assert_eq!(address.to_string(), "postgres://anna@db.example.org/notes?sslmode=verify-full");
///
/// let address = Address::parse("host=/run/postgresql user=anna dbname=notes password='a b'")?;
/// assert_eq!(address.to_string(), "postgres://anna@/notes?host=/run/postgresql");
/// # Ok::<(), whimbrel::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// In the order in which they were given, each name once.
    parameters: Vec<(String, String)>,
}

/// libpq's variables, and the parameters they stand for. The password has rules of its own.
const VARIABLES: [(&str, &str); 15] = [
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGPASSFILE", "passfile"),
];

/// Files of libpq's that count where nothing else is said, below `~/.postgresql`.
const FILES: [(&str, &str); 3] =
    [("root.crt", "sslrootcert"), ("postgresql.crt", "sslcert"), ("postgresql.key", "sslkey")];

impl Address {
    /// Reads a URL (`postgres://role@host/database`) or a list (`host=… dbname=…`).
    ///
    /// # Errors
    /// [`Code::CannotOpen`] for what is neither, and for a parameter that is not known.
    pub fn parse(text: &str) -> Result<Address> {
        let parameters = match after_scheme(text) {
            Some(rest) => url(rest),
            None => list(text),
        };
        let mut address = Address { parameters: Vec::new() };
        for (name, value) in parameters.map_err(wrong)? {
            address.set(&name, value).map_err(wrong)?;
        }
        // What is wrong is said now, and not when a connection is needed.
        address.driver()?;
        Ok(address)
    }

    /// Whether a text is a URL of PostgreSQL's, and not the name of a file.
    pub fn is_url(text: &str) -> bool {
        after_scheme(text).is_some()
    }

    /// The address with what it leaves open taken from libpq's surroundings: variables such as `PGUSER`, the files in
    /// `~/.postgresql`, and `~/.pgpass`. The library reads no environment of its own accord; a program hands it in.
    ///
    /// ```
    /// use whimbrel::postgres_host::Address;
    ///
    /// let address = Address::parse("postgres://localhost/notes")?.completed(|name| std::env::var(name).ok());
    /// # Ok::<(), whimbrel::Error>(())
    /// ```
    #[must_use]
    pub fn completed(mut self, environment: impl Fn(&str) -> Option<String>) -> Address {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        if self.get("host").is_none() && self.get("hostaddr").is_none() {
            for (name, parameter) in [("PGHOST", "host"), ("PGHOSTADDR", "hostaddr")] {
                self.set_missing(parameter, variable(name));
            }
        }
        for (name, parameter) in VARIABLES {
            self.set_missing(parameter, variable(name));
        }
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        if let Some(home) = &home {
            for (file, parameter) in FILES {
                let path = home.join(".postgresql").join(file);
                let path = path.is_file().then(|| path.to_str().map(str::to_owned)).flatten();
                self.set_missing(parameter, path);
            }
        }
        self.set_missing("password", variable("PGPASSWORD"));
        if self.get("password").is_none() {
            let role = self.get("user").map(str::to_owned).or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
            let file = self.get("passfile").map(PathBuf::from).or_else(|| Some(home?.join(".pgpass")));
            let password = file.zip(role).and_then(|(file, role)| self.password_from(&file, &role));
            self.set_missing("password", password);
        }
        self
    }

    /// The name of the database, if one is given; else it is the role's name.
    pub fn database(&self) -> Option<&str> {
        self.get("dbname")
    }

    /// The name of the role, if one is given; else it is the name of the operating system's user.
    pub fn role(&self) -> Option<&str> {
        self.get("user")
    }

    /// The same for another database of the server.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Address {
        let mut address = self.clone();
        address.parameters.retain(|(name, _)| name != "dbname");
        address.parameters.push(("dbname".to_owned(), database.to_owned()));
        address
    }

    /// What the driver is given: its own configuration, and the way to TLS.
    pub(super) fn config(&self) -> Result<(tokio_postgres::Config, Connector)> {
        let config = self.driver()?;
        let connector = tls::connector(&tls::Wanted {
            mode: self.get("sslmode"),
            root: self.get("sslrootcert"),
            certificate: self.get("sslcert"),
            key: self.get("sslkey"),
            used: config.get_ssl_mode() != SslMode::Disable,
        })?;
        Ok((config, connector))
    }

    fn driver(&self) -> Result<tokio_postgres::Config> {
        let mut list = String::new();
        for (name, value) in &self.parameters {
            let value = match name.as_str() {
                "sslmode" => match value.as_str() {
                    "allow" => "prefer",
                    "verify-ca" | "verify-full" => "require",
                    other => other,
                },
                "passfile" | "sslrootcert" | "sslcert" | "sslkey" => continue,
                _ => value,
            };
            list.push_str(&format!("{name}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'")));
        }
        // The driver's own reason names the parameter, never its value.
        let mut config: tokio_postgres::Config =
            list.parse().map_err(|error: tokio_postgres::Error| wrong(reason(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let port = config.get_ports().first().copied().unwrap_or(5432);
            config.host(usual_host(port));
        }
        if config.get_application_name().is_none() {
            config.application_name("whimbrel");
        }
        if self.get("sslrootcert") == Some("system") && self.get("sslmode").is_none() {
            config.ssl_mode(SslMode::Require);
        }
        // PostgreSQL has no TLS on sockets of the file system, where nobody listens in.
        if config.get_hosts().iter().all(is_socket) && !config.get_hosts().is_empty() {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(config)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set_missing(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value.filter(|_| self.get(name).is_none()) {
            self.parameters.push((name.to_owned(), value));
        }
    }

    /// Takes a parameter over as it was written; libpq's that mean nothing here are left out.
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        let name = match name {
            "fallback_application_name" if self.get("application_name").is_some() => return Ok(()),
            "fallback_application_name" => "application_name",
            "keepalives_count" => "keepalives_retries",
            // Names that drivers of other languages have for the same.
            "ssl" if value == "true" => {
                self.set_missing("sslmode", Some("require".to_owned()));
                return Ok(());
            }
            "client_encoding" if ["utf8", "utf-8", "auto"].contains(&value.to_ascii_lowercase().as_str()) => {
                return Ok(());
            }
            "gssencmode" if ["disable", "prefer"].contains(&value.as_str()) => return Ok(()),
            "sslcompression" | "sslsni" | "krbsrvname" | "gsslib" => return Ok(()),
            "client_encoding" | "gssencmode" => return Err(format!("{name} is not supported with this value")),
            name => name,
        };
        let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
        if name == "sslmode" && !modes.contains(&value.as_str()) {
            return Err(format!("sslmode is one of {}", modes.join(", ")));
        }
        self.parameters.retain(|(known, _)| known != name);
        self.parameters.push((name.to_owned(), value));
        Ok(())
    }

    /// The password for this address from a file in the form of `~/.pgpass`: `host:port:database:role:password`, where
    /// `*` fits everything. The first line that fits counts. libpq passes over a file that others may read; so is it here.
    fn password_from(&self, file: &Path, role: &str) -> Option<String> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if std::fs::metadata(file).ok()?.permissions().mode() & 0o077 != 0 {
                return None;
            }
        }
        let host = self.get("host").or_else(|| self.get("hostaddr")).and_then(|hosts| hosts.split(',').next());
        let port = self.get("port").and_then(|ports| ports.split(',').next()).unwrap_or("5432");
        let wanted = [
            // A socket is the local host here, wherever its folder is.
            host.filter(|host| !host.starts_with('/')).unwrap_or("localhost"),
            port,
            self.get("dbname").unwrap_or(role),
            role,
        ];
        let text = std::fs::read_to_string(file).ok()?;
        text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let fields = fields(line);
            let (given, password) = fields.split_at_checked(wanted.len())?;
            let fits = given.iter().zip(wanted).all(|(given, wanted)| given == "*" || given == wanted);
            password.first().filter(|_| fits).cloned()
        })
    }
}

/// The address as a URL, without its password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(role) = self.role() {
            write!(f, "{}@", encode(role))?;
        }
        let hosts: Vec<&str> = self.get("host").map(|hosts| hosts.split(',').collect()).unwrap_or_default();
        let ports: Vec<&str> = self.get("port").map(|ports| ports.split(',').collect()).unwrap_or_default();
        // The folder of a socket does not fit in front of the path, nor do ports without hosts.
        let in_front = !hosts.is_empty() && !hosts.iter().any(|host| host.starts_with('/') || host.is_empty());
        if in_front {
            for (place, host) in hosts.iter().enumerate() {
                let host = if host.contains(':') { format!("[{host}]") } else { encode(host) };
                let port = ports.get(place).or(ports.first()).filter(|port| !port.is_empty());
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "{}{host}{port}", if place == 0 { "" } else { "," })?;
            }
        }
        write!(f, "/{}", self.database().map(encode).unwrap_or_default())?;
        let mut between = '?';
        for (name, value) in &self.parameters {
            let shown_before = matches!(name.as_str(), "user" | "dbname" | "password" | "passfile")
                || in_front && matches!(name.as_str(), "host" | "port");
            if !shown_before {
                write!(f, "{between}{}={}", encode(name), encode(value))?;
                between = '&';
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// A URL or list as it may be shown: without its password. What cannot be read as an address is not shown at all, as
/// nobody can tell where a password stands in it.
///
/// ```
/// use whimbrel::postgres_host::shown_url;
///
/// assert_eq!(shown_url("postgres://anna:secret@localhost:5433/notes"), "postgres://anna@localhost:5433/notes");
/// assert_eq!(shown_url("postgres://anna:sec@ret@localhost/notes"), "postgres://…");
/// ```
pub fn shown_url(text: &str) -> String {
    Address::parse(text).map_or_else(|_| "postgres://…".to_owned(), |address| address.to_string())
}

fn wrong(why: impl fmt::Display) -> Error {
    Error::new(Code::CannotOpen, format!("the address of the PostgreSQL database cannot be used: {why}"))
        .help("write it as postgres://role@host:port/database, with special characters in a password as %40 and so on")
}

/// The innermost cause: the outer ones say that there was an error.
fn reason(error: &tokio_postgres::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn after_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
}

#[cfg(unix)]
fn is_socket(host: &tokio_postgres::config::Host) -> bool {
    matches!(host, tokio_postgres::config::Host::Unix(_))
}

#[cfg(not(unix))]
fn is_socket(_: &tokio_postgres::config::Host) -> bool {
    false
}

/// The host where none is given: the folder of sockets that servers commonly use, if one listens there.
fn usual_host(port: u16) -> &'static str {
    ["/run/postgresql", "/var/run/postgresql", "/tmp"]
        .into_iter()
        .find(|folder| cfg!(unix) && Path::new(folder).join(format!(".s.PGSQL.{port}")).exists())
        .unwrap_or("localhost")
}

/// The parameters of a URL, after its scheme. No message holds a part of it: where it cannot be read, any part of it can
/// be the password's.
fn url(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut parameters = Vec::new();
    let mut add = |name: &str, value: String| parameters.push((name.to_owned(), value));
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let rest = match before.split_once('@') {
        Some((credentials, rest)) => {
            let (role, password) = match credentials.split_once(':') {
                Some((role, password)) => (role, Some(password)),
                None => (credentials, None),
            };
            if !role.is_empty() {
                add("user", decode(role)?);
            }
            if let Some(password) = password.filter(|password| !password.is_empty()) {
                add("password", decode(password)?);
            }
            rest
        }
        None => before,
    };
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    if hosts.contains('@') {
        return Err("there are two @ before the host; one in a password is written %40".to_owned());
    }
    if !hosts.is_empty() {
        let mut names = Vec::new();
        let mut ports = Vec::new();
        for host in hosts.split(',') {
            let (name, port) = match host.strip_prefix('[') {
                Some(rest) => rest.split_once(']').ok_or("a [ of the host is not closed")?,
                None => host.split_at(host.find(':').unwrap_or(host.len())),
            };
            let port = match port.strip_prefix(':') {
                None if !port.is_empty() => return Err("something stands behind the ] of the host".to_owned()),
                port => port.unwrap_or_default(),
            };
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("the port is not a number".to_owned());
            }
            names.push(decode(name)?);
            ports.push(port);
        }
        if names.iter().any(|name| !name.is_empty()) {
            add("host", names.join(","));
        }
        if ports.iter().any(|port| !port.is_empty()) {
            add("port", ports.join(","));
        }
    }
    if !database.is_empty() {
        add("dbname", decode(database)?);
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or("a parameter behind the ? has no value")?;
        add(&decode(name)?, decode(value)?);
    }
    Ok(parameters)
}

/// The parameters of a `key=value` list: values may stand in `'…'`, and `\` takes the next character as it is.
fn list(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut parameters = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or("it is neither a URL nor a list of name=value")?;
        let mut characters = value.trim_start().chars();
        let quoted = characters.as_str().starts_with('\'');
        if quoted {
            characters.next();
        }
        let mut value = String::new();
        loop {
            match characters.next() {
                Some('\\') => value.extend(characters.next()),
                Some('\'') if quoted => break,
                Some(character) if !quoted && character.is_whitespace() => break,
                Some(character) => value.push(character),
                None if quoted => return Err("a ' is not closed".to_owned()),
                None => break,
            }
        }
        parameters.push((name.trim_end().to_owned(), value));
        rest = characters.as_str().trim_start();
    }
    match parameters.iter().all(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
        true => Ok(parameters),
        false => Err("it is neither a URL nor a list of name=value".to_owned()),
    }
}

/// The fields of a line of `~/.pgpass`.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => fields.push(String::new()),
            character => {
                let character = if character == '\\' { characters.next() } else { Some(character) };
                fields.last_mut().into_iter().for_each(|field| field.extend(character));
            }
        }
    }
    fields
}

fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        let code = rest
            .as_slice()
            .first_chunk()
            .filter(|code: &&[u8; 2]| byte == b'%' && code.iter().all(u8::is_ascii_hexdigit));
        match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest.nth(1);
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| "its text is not UTF-8 when its %.. are read".to_owned())
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the driver's own parser reads is read alike, up to what is added where nothing is said.
    #[test]
    fn everything_the_driver_reads_is_read_alike() {
        let texts = [
            "postgres://anna:secret@localhost:5433/notes",
            "postgresql://anna@one,two/notes?target_session_attrs=read-write",
            "postgres://anna@one:1,two:2/notes?connect_timeout=3&load_balance_hosts=random",
            "postgres://an%40na:p%3A%2F%40ss@[::1]:5433/no%20tes",
            "postgres://anna@%2Frun%2Fpostgresql/notes?sslmode=disable",
            "postgres:///notes?host=/run/postgresql&port=5433&sslmode=disable",
            "postgres://localhost?options=-c%20search_path%3Da&keepalives=0&sslmode=require",
            "host=localhost port=5433 user=anna password='it\\'s a \\\\ secret' dbname = notes",
            "host=one,two hostaddr=127.0.0.1,127.0.0.2 sslnegotiation=direct sslmode=require channel_binding=require",
        ];
        for text in texts {
            let mut expected: tokio_postgres::Config = text.parse().expect("the driver reads it");
            expected.application_name("whimbrel");
            let mut config = Address::parse(text).expect("it is read").driver().expect("it can be used");
            // A port that is not given is the usual one to both; the driver's URLs write it down.
            let ports = |config: &tokio_postgres::Config| config.get_ports().iter().all(|port| *port == 5432);
            if ports(&config) && ports(&expected) {
                config = format_without_ports(&config);
                expected = format_without_ports(&expected);
            }
            assert_eq!(config, expected, "{text}");
        }
    }

    /// There is no way to take a port back.
    fn format_without_ports(config: &tokio_postgres::Config) -> tokio_postgres::Config {
        let mut config = config.clone();
        for _ in config.get_ports().len()..4 {
            config.port(5432);
        }
        config
    }

    #[test]
    fn what_is_shown_can_be_read_again_and_has_no_password() {
        let texts = [
            ("postgres://anna:secret@localhost:5433/notes", "postgres://anna@localhost:5433/notes"),
            (
                "postgres://anna:secret@one:1,two/notes?sslmode=require",
                "postgres://anna@one:1,two/notes?sslmode=require",
            ),
            ("postgres://a%40b@[::1]:5433/x%3Fy?password=secret", "postgres://a%40b@[::1]:5433/x%3Fy"),
            ("postgresql:///notes?host=/tmp&port=5433", "postgres:///notes?host=/tmp&port=5433"),
            ("user=anna password=secret dbname=notes", "postgres://anna@/notes"),
            ("host=localhost passfile=/secret/place", "postgres://localhost/"),
        ];
        for (text, shown) in texts {
            let address = Address::parse(text).expect("it is read");
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown_url(text), shown);
            assert!(!format!("{address:?}").contains("secret"));
            assert_eq!(Address::parse(shown).expect("it is read again").to_string(), shown);
        }
    }

    #[test]
    fn nothing_of_an_address_that_cannot_be_read_is_shown() {
        let texts = [
            "postgres://anna:sec@ret@localhost/notes",
            "postgres://anna:sec/ret",
            "postgres://anna:secret",
            "postgres://anna:secret@localhost:secret/notes",
            "postgres://anna:%FFsecret@localhost/notes",
            "postgres://[::1secret/notes",
            "postgres://[::1]secret/notes",
            "postgres://localhost/notes?secret",
            "postgres://localhost/notes?sslmode=secret",
            "postgres://localhost/notes?port=secret",
            "postgres://localhost/notes?client_encoding=secret",
            "host=localhost password='secret",
            "secret",
            "host=localhost secret host=x",
        ];
        for text in texts {
            let error = Address::parse(text).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("ret"), "{error} {error:?}");
            assert_eq!(error.code(), Code::CannotOpen);
            assert_eq!(shown_url(text), "postgres://…");
        }
        let unknown = Address::parse("postgres://localhost/notes?sslcrl=x").expect_err("it is not supported");
        assert!(unknown.to_string().contains("unknown option `sslcrl`"), "{unknown}");
    }

    #[test]
    fn the_modes_of_libpq_are_known() {
        let mode = |text: &str| Address::parse(text).expect("it is read").driver().expect("it is used").get_ssl_mode();
        for (text, expected) in [
            ("postgres://localhost", SslMode::Prefer),
            ("postgres://localhost?sslmode=allow", SslMode::Prefer),
            ("postgres://localhost?sslmode=verify-ca", SslMode::Require),
            ("postgres://localhost?sslmode=verify-full", SslMode::Require),
            ("postgres://localhost?sslrootcert=system", SslMode::Require),
            ("postgres:///?host=/tmp&sslmode=verify-full", SslMode::Disable),
        ] {
            assert_eq!(mode(text), expected, "{text}");
        }
        for text in ["sslrootcert=system&sslmode=prefer", "sslmode=verify-full&sslrootcert=/no/such/file"] {
            let address = Address::parse(&format!("postgres://localhost?{text}")).expect("it is read");
            let error = address.config().err().expect("it cannot be used");
            assert_eq!(error.code(), Code::CannotOpen);
        }
    }

    fn surroundings(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn surroundings_fill_in_what_is_left_open() {
        let all =
            [("PGHOST", "db"), ("PGPORT", "1"), ("PGUSER", "anna"), ("PGDATABASE", "x"), ("PGPASSWORD", "secret")];
        let address = Address::parse("postgres:///notes").expect("it is read").completed(surroundings(&all));
        assert_eq!(address.to_string(), "postgres://anna@db:1/notes");
        assert_eq!(address.get("password"), Some("secret"));
        let address = Address::parse("postgres://b:c@other:2/y").expect("it is read");
        assert_eq!(address.clone().completed(surroundings(&all)), address);
        assert_eq!(address.clone().completed(|_| None), address);
    }

    #[cfg(unix)]
    #[test]
    fn a_password_comes_from_the_file_that_only_its_owner_reads() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a folder can be made");
        let file = home.path().join(".pgpass");
        let text =
            "# a comment:*:*:*:wrong\nother:5432:*:anna:wrong\ndb:5432:notes:anna:o\\:ne\\\\\nlocalhost:*:*:*:two\n";
        std::fs::write(&file, text).expect("a file can be written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its rights can be set");
        let folder = home.path().to_str().expect("it is text").to_owned();
        let password = |text: &str| {
            let address = Address::parse(text).expect("it is read");
            address.completed(surroundings(&[("HOME", &folder), ("USER", "anna")])).get("password").map(str::to_owned)
        };
        assert_eq!(password("postgres://db/notes").as_deref(), Some("o:ne\\"));
        assert_eq!(password("postgres://db/others"), None);
        assert_eq!(password("postgres://berta@db/notes"), None);
        assert_eq!(password("postgres:///x?host=/tmp").as_deref(), Some("two"));
        assert_eq!(password("postgres://:given@db/notes").as_deref(), Some("given"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("its rights can be set");
        assert_eq!(password("postgres://db/notes"), None);
    }
}
