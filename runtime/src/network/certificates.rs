//! A small certificate authority for the robots of one household: itself, and one certificate for
//! each role.
//!
//! The common name of a certificate is its role, and the access rules go by it. So whoever has the
//! files of a role has its rights on every robot of this authority, and whoever has the authority's
//! key has all of them: it is needed again only to make more certificates, and its place is off the
//! robots. A certificate cannot be called back; it ends after a year.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::network::Role;
use bus::network::settings::check_name;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use serde::Serialize;

/// How long they are good for: a year.
pub const LASTS: Duration = Duration::from_secs(365 * 86_400);
/// They are good from so long before they were made: clocks differ.
const SLACK: Duration = Duration::from_secs(3600);
/// Names every robot and router is good for: to itself.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Most names of a robot or a router beside those.
const NAMES_MAX: usize = 32;
/// Those others connect to.
const SERVERS: [&str; 2] = ["robot", "router"];

/// Why no certificates were made. Nothing was written then, or what was is named.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is there already.
    #[error(
        "{}: is there already, and is never overwritten: robots may rely on it; name a new folder",
        .0.display()
    )]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("{}: cannot be written: {error}", file.display())]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// What the machine says.
        error: io::Error,
    },
    /// A name that no certificate can be for.
    #[error("{name:?} is no host name and no address a certificate can be for: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many names.
    #[error("at most {NAMES_MAX} names, found {0}: make a second folder for the other robots")]
    Names(usize),
    /// The robot's name.
    #[error(transparent)]
    Robot(#[from] bus::network::NetworkError),
    /// The keys could not be made.
    #[error("no certificate was made: {0}")]
    Make(#[from] rcgen::Error),
}

/// What certificates are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of a robot, by which it may be reached too.
    pub robot: Option<String>,
    /// Host names and addresses at which the robots and routers will be reached.
    pub names: Vec<String>,
    /// From when they are good, since 1970.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

impl Wanted {
    /// Good for a year from now.
    #[must_use]
    pub fn from_now(robot: Option<String>, names: Vec<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { robot, names, from: now.saturating_sub(SLACK), until: now + LASTS }
    }
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// The files, authority first.
    pub files: Vec<PathBuf>,
    /// The day on which they end, such as `2027-03-01`.
    pub until: String,
    /// Names at which robots and routers are reached.
    pub names: Vec<String>,
}

/// Makes an authority and a certificate for each role in `folder`: `authority.crt`,
/// `authority.key`, and `<role>.crt`, `<role>.tls.key`. The keys are readable by their owner alone.
///
/// # Errors
/// A file is there already, cannot be written, or a name is none.
pub fn make(folder: &Path, wanted: &Wanted) -> Result<Made, CertificateError> {
    let names = names(wanted)?;
    let roles: Vec<_> = SERVERS.into_iter().chain(Role::ALL.map(Role::name)).collect();
    let authority = authority(wanted)?;
    let mut files = vec![
        (folder.join("authority.crt"), authority.pem(), false),
        (folder.join("authority.key"), authority.key().serialize_pem(), true),
    ];
    let mut until = String::new();
    for role in roles {
        let key = KeyPair::generate()?;
        let params = leaf(role, &names, wanted)?;
        let certificate = params.signed_by(&key, &authority)?;
        until = params.not_after.date().to_string();
        files.push((folder.join(format!("{role}.crt")), certificate.pem(), false));
        files.push((folder.join(format!("{role}.tls.key")), key.serialize_pem(), true));
    }
    write(folder, &files)?;
    let files = files.into_iter().map(|(file, ..)| file).collect();
    Ok(Made { files, until, names })
}

/// The names of robots and routers, each once.
fn names(wanted: &Wanted) -> Result<Vec<String>, CertificateError> {
    if let Some(robot) = &wanted.robot {
        check_name(robot)?;
    }
    let given = wanted.robot.iter().chain(&wanted.names).cloned();
    let mut names: Vec<String> = Vec::new();
    for name in OWN_NAMES.map(str::to_owned).into_iter().chain(given) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > NAMES_MAX {
        return Err(CertificateError::Names(names.len()));
    }
    let wrong = |name: &String, why: &str| {
        Err(CertificateError::Name { name: name.clone(), why: why.to_owned() })
    };
    for name in &names {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if name.is_empty() || name.len() > 253 || !name.bytes().all(letter) {
            return wrong(name, "write it as robot.local or 192.168.1.7, without a port");
        }
        if name.contains(':') && name.parse::<std::net::Ipv6Addr>().is_err() {
            return wrong(name, "leave the port out");
        }
    }
    Ok(names)
}

fn authority(wanted: &Wanted) -> Result<CertifiedIssuer<'static, KeyPair>, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = dated(CertificateParams::default(), wanted);
    // Two authorities must not have the same name.
    let id: String =
        key.public_key_raw().iter().rev().take(4).map(|byte| format!("{byte:02x}")).collect();
    let robot = wanted.robot.as_deref().unwrap_or("robots");
    params.distinguished_name.push(DnType::CommonName, format!("triune authority {robot} {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, key)?)
}

fn leaf(
    role: &str,
    names: &[String],
    wanted: &Wanted,
) -> Result<CertificateParams, CertificateError> {
    let server = SERVERS.contains(&role);
    let names = if server { names.to_vec() } else { Vec::new() };
    let mut params = dated(CertificateParams::new(names)?, wanted);
    params.distinguished_name.push(DnType::CommonName, role);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // Only those that are connected to may pass for one: an observer's certificate is no robot's.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if server {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    Ok(params)
}

fn dated(mut params: CertificateParams, wanted: &Wanted) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + wanted.from;
    params.not_after = epoch + wanted.until;
    params
}

fn write(folder: &Path, files: &[(PathBuf, String, bool)]) -> Result<(), CertificateError> {
    if let Some((file, ..)) = files.iter().find(|(file, ..)| file.exists()) {
        return Err(CertificateError::Exists(file.clone()));
    }
    let failed = |file: &Path| {
        let file = file.to_owned();
        move |error| CertificateError::Write { file, error }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (file, text, private) in files {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if *private { 0o600 } else { 0o644 });
        let written = options.open(file).and_then(|mut open| open.write_all(text.as_bytes()));
        written.map_err(failed(file))?;
    }
    Ok(())
}

/// What is to be done with them, for the person who made them.
#[must_use]
pub fn words(folder: &Path, made: &Made) -> String {
    let (folder, until, names) = (folder.display(), &made.until, made.names.join(", "));
    let roles = Role::ALL.map(Role::name).join(", ");
    format!(
        "{folder}\n    an authority and a certificate for each role; they end on {until}\n    \
         robot and router are reached at {names}; for others: --name\n\
         to each robot\n    authority.crt, robot.crt, robot.tls.key; and observer.crt,\n    \
         observer.tls.key, with which it tries its own access rules when it starts\n\
         to each router\n    authority.crt, router.crt, router.tls.key\n\
         to each person and program, by role ({roles})\n    \
         authority.crt, <role>.crt, <role>.tls.key\n\
         authority.key\n    stays here or moves to a safe place; whoever has it may do everything\n\
         then\n    triune run ROBOT --listen quic/0.0.0.0:7447 --certificates DIR\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> Wanted {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Wanted::from_now(Some("quad12".into()), names)
    }

    #[test]
    fn a_folder_gets_every_role_and_its_keys_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        let made = make(&folder, &wanted(&["robot.local", "192.168.1.7", "robot.local"])).unwrap();
        assert_eq!(made.files.len(), 2 + 2 * 6);
        assert_eq!(made.names.len(), OWN_NAMES.len() + 3, "{:?}", made.names);
        for file in &made.files {
            let text = fs::read_to_string(file).unwrap();
            let private = file.extension().unwrap() == "key";
            assert_eq!(text.contains("PRIVATE KEY"), private, "{}", file.display());
            #[cfg(unix)]
            if private {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        let said = words(&folder, &made);
        for role in Role::ALL {
            assert!(said.contains(role.name()), "{said}");
        }
        assert!(said.contains(&made.until) && made.until.len() == 10, "{said}");
    }

    #[test]
    fn nothing_is_ever_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("planner.tls.key");
        fs::write(&there, "mine").unwrap();
        let error = make(folder.path(), &wanted(&[])).unwrap_err();
        assert!(matches!(&error, CertificateError::Exists(file) if *file == there), "{error}");
        assert_eq!(fs::read_to_string(there).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "robot local", "robot.local:7447", "a/b", "grün", "[::1]"] {
            let error = make(folder.path(), &wanted(&[name])).unwrap_err();
            assert!(matches!(error, CertificateError::Name { .. }), "{name}: {error}");
        }
        let robot = Some("Quad 12".to_owned());
        let wanted = Wanted::from_now(robot, Vec::new());
        assert!(matches!(make(folder.path(), &wanted), Err(CertificateError::Robot(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
