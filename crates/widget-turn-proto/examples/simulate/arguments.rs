//! The command line.

use crate::timeline::SECOND;

pub(crate) const USAGE: &str =
    "usage: simulate [--days N] [--accounts N] [--ttl SECONDS] [--svg FILE]
  --days N       how long, 1 to 365 (default: 3)
  --accounts N   how many, 1 or more (default: 100000); with few of them peaks are chance
  --ttl SECONDS  how long credentials live, 60 or more (default: 3600, as Synapse gives)
  --svg FILE     draws the load over time";

pub(crate) struct Arguments {
    pub(crate) days: u64,
    pub(crate) accounts: u64,
    /// In milliseconds.
    pub(crate) ttl: u64,
    pub(crate) svg: Option<String>,
}

impl Arguments {
    /// `None`: only help is wanted.
    pub(crate) fn read(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, String> {
        let mut read = Self {
            days: 3,
            accounts: 100_000,
            ttl: 3600 * SECOND,
            svg: None,
        };
        while let Some(name) = arguments.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            let known = ["--days", "--accounts", "--ttl", "--svg"];
            if !known.contains(&&*name) {
                return Err(format!("unknown argument {name:?}"));
            }
            let value = arguments.next();
            let value = value.ok_or_else(|| format!("expected something after {name}"))?;
            let number = |least: u64, most: u64| match value.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!(
                    "expected a number from {least} to {most} after {name}, got {value:?}"
                )),
            };
            match &*name {
                "--days" => read.days = number(1, 365)?,
                "--accounts" => read.accounts = number(1, 1_000_000_000)?,
                "--ttl" => read.ttl = number(60, 30 * 86_400)? * SECOND,
                _ => read.svg = Some(value),
            }
        }
        Ok(Some(read))
    }
}
