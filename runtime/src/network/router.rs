//! `triune router`: carries between robots and programs, and says who is there.

use std::path::PathBuf;
use std::time::Duration;

use bus::network::router::{Neighbour, Router};
use bus::network::{Part, Settings};
use serde_json::json;

use super::{NetworkFault, interrupted};
use crate::cli::{Exit, Failure, print};

/// Carries between robots and programs.
#[derive(Debug, clap::Args)]
pub struct RouterArgs {
    /// Listens here, such as tcp/127.0.0.1:7450. May be given several times.
    #[arg(long, value_name = "ENDPOINT", required = true)]
    listen: Vec<String>,
    /// Connects to another router. May be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    connect: Vec<String>,
    /// Folder with the router's certificate, as `triune keys network` makes it; needed beyond this
    /// machine.
    #[arg(long, value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// One JSON object a line for each that comes or goes.
    #[arg(long)]
    json: bool,
}

/// Routes until Ctrl-C.
///
/// # Errors
/// An endpoint that is refused or taken.
pub fn router(args: &RouterArgs) -> Result<Exit, Failure> {
    const LOOK: Duration = Duration::from_millis(200);
    let settings = Settings {
        robot: String::new(),
        part: Part::Router,
        listen: args.listen.clone(),
        connect: args.connect.clone(),
        certificates: args.certificates.clone(),
    };
    let router = Router::open(&settings).map_err(NetworkFault::from)?;
    let at = args.listen.join(", ");
    if args.json {
        let opened = json!({ "schema": "triune.router/1", "what": "listens", "at": args.listen });
        print(&format!("{opened}\n"));
    } else {
        print(&format!("routes at {at}; end with Ctrl-C\n"));
    }
    let mut before: Vec<Neighbour> = Vec::new();
    while !interrupted() {
        let now = router.neighbours();
        for (what, one) in changes(&before, &now) {
            print(&line(args.json, what, one));
        }
        before = now;
        std::thread::sleep(LOOK);
    }
    router.close();
    Ok(Exit::Ok)
}

/// Who came and who went.
fn changes<'a>(
    before: &'a [Neighbour],
    now: &'a [Neighbour],
) -> impl Iterator<Item = (&'static str, &'a Neighbour)> {
    let known = |all: &[Neighbour], one: &Neighbour| all.iter().any(|other| other.id == one.id);
    let came = now.iter().filter(move |one| !known(before, one)).map(|one| ("came", one));
    let went = before.iter().filter(move |one| !known(now, one)).map(|one| ("went", one));
    came.chain(went)
}

fn line(json: bool, what: &str, one: &Neighbour) -> String {
    let Neighbour { id, kind, from, name } = one;
    if json {
        let line = json!({
            "schema": "triune.router/1", "what": what, "id": id, "kind": kind, "from": from,
            "name": name,
        });
        return format!("{line}\n");
    }
    let name = if name.is_empty() { "without a certificate" } else { name };
    format!("{what}  {kind:<7} {from}  {name}  {id}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_told_once() {
        let one = |id: &str| Neighbour {
            id: id.into(),
            kind: "client".into(),
            from: "tcp/127.0.0.1:5".into(),
            name: String::new(),
        };
        let (before, now) = ([one("a"), one("b")], [one("b"), one("c")]);
        let told: Vec<_> = changes(&before, &now).map(|(what, n)| (what, &n.id[..])).collect();
        assert_eq!(told, [("came", "c"), ("went", "a")]);
        assert_eq!(changes(&now, &now).count(), 0);
        assert!(line(false, "came", &one("a")).contains("without a certificate"));
    }
}
