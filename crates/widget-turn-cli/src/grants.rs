//! `widget-turn grants`: what was granted for always.

use std::io::Write;
use std::path::{Path, PathBuf};

use widget_turn::{Grant, Grants, Origin};

use crate::arguments;
use crate::capability::{Capability, plain};
use crate::terminal::escaped_json;

#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantsCommandError {
    #[error("no home folder is known: say where grants are remembered by `--grants FILE`")]
    NoHome,
    #[error("{origin}: {source}")]
    Origin {
        origin: String,
        source: widget_turn::OriginError,
    },
    #[error("nothing is granted to {0}: see `widget-turn grants`")]
    NotGranted(Origin),
    #[error(transparent)]
    Grants(#[from] widget_turn::GrantsError),
    #[error("cannot print: {0}")]
    Print(#[from] std::io::Error),
}

/// The file that was named, or the one in the person's configuration.
pub(crate) fn path(named: Option<&Path>) -> Result<PathBuf, GrantsCommandError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("APPDATA"))
        .or_else(|| std::env::home_dir().map(|home| home.join(".config")))
        .ok_or(GrantsCommandError::NoHome)?;
    Ok(config.join("widget-turn").join("grants.json"))
}

pub(crate) fn run(arguments: &arguments::Grants) -> Result<(), GrantsCommandError> {
    let grants = Grants::open(path(arguments.grants.as_deref())?)?;
    match &arguments.revoke {
        Some(origin) => revoke(&grants, origin),
        None => list(&grants, arguments.json),
    }
}

fn list(grants: &Grants, json: bool) -> Result<(), GrantsCommandError> {
    let mut out = std::io::stdout().lock();
    let list = grants.list()?;
    if json {
        let list = serde_json::to_string(&list).expect("grants are strings");
        writeln!(out, "{}", escaped_json(&list))?;
    } else if list.is_empty() {
        writeln!(out, "Nothing is granted for always.")?;
    } else {
        print(&mut out, &list)?;
    }
    Ok(())
}

/// Each origin, account and room with what was granted to it.
fn print(out: &mut impl Write, list: &[Grant]) -> std::io::Result<()> {
    let mut shown: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for grant in list {
        let whom = (&*grant.origin, &*grant.account, grant.room.as_deref());
        if shown.contains(&whom) {
            continue;
        }
        shown.push(whom);
        let (origin, account, room) = whom;
        let room = room.map(|room| format!(" in {}", plain(room)));
        writeln!(
            out,
            "{}  for {}{}",
            plain(origin),
            plain(account),
            room.unwrap_or_default()
        )?;
        for other in list {
            if (&*other.origin, &*other.account, other.room.as_deref()) == whom {
                writeln!(out, "    {}", Capability::new(&other.capability).line())?;
            }
        }
    }
    Ok(())
}

fn revoke(grants: &Grants, origin: &str) -> Result<(), GrantsCommandError> {
    let origin: Origin = origin
        .parse()
        .map_err(|source| GrantsCommandError::Origin {
            origin: origin.to_owned(),
            source,
        })?;
    if grants.revoke_all(&origin)? == 0 {
        return Err(GrantsCommandError::NotGranted(origin));
    }
    writeln!(std::io::stdout(), "{origin} will have to ask again.")?;
    Ok(())
}
