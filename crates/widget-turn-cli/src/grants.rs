//! `widget-turn grants`: what was granted for always.

use std::io::Write;
use std::path::{Path, PathBuf};

use widget_turn::{Grants, Origin};

use crate::arguments;

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
        writeln!(out, "{list}")?;
    } else if list.is_empty() {
        writeln!(out, "Nothing is granted for always.")?;
    } else {
        for grant in list {
            let room = grant.room.as_deref().unwrap_or("no room");
            writeln!(
                out,
                "{}  TURN of {}  in {room}",
                grant.origin, grant.account
            )?;
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
    let mut any = false;
    for grant in grants
        .list()?
        .iter()
        .filter(|grant| grant.origin == origin.to_string())
    {
        any |= grants.revoke(grant)?;
    }
    if !any {
        return Err(GrantsCommandError::NotGranted(origin));
    }
    writeln!(std::io::stdout(), "{origin} will have to ask again.")?;
    Ok(())
}
