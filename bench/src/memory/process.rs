//! What this process uses.

use std::{fs, io};

use super::Measured;

/// Resident memory and page tables in bytes, and how many mappings there are.
pub struct Usage {
    resident: f64,
    page_tables: f64,
    mappings: f64,
}

impl Usage {
    pub fn now() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let bytes = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let kibibytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            kibibytes.map(|kibibytes: f64| 1024.0 * kibibytes).ok_or(io::ErrorKind::InvalidData)
        };
        let mappings = fs::read_to_string("/proc/self/maps")?.lines().count();
        Ok(Self {
            resident: bytes("VmRSS:")?,
            page_tables: bytes("VmPTE:")?,
            mappings: mappings as f64,
        })
    }

    /// What came since then, for each of so many tasks.
    pub fn since(self, before: &Self, tasks: usize) -> Measured {
        let each = |after: f64, before: f64| (after - before).max(0.0) / tasks as f64;
        Measured {
            resident: each(self.resident, before.resident),
            page_tables: each(self.page_tables, before.page_tables),
            mappings: self.mappings,
        }
    }
}
