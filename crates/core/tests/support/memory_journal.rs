//! The storage of the authority over maps: what SQLite does in the Worker, for native tests of the rules. Counts the rows
//! that are read and written, as the platform bills them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use postern_core::{
    revocation::journal::{
        Head, JournalStore, PART_BYTES, PartKind, RouteRow, SegmentRow, TailRow,
    },
    session::record::StoreFault,
};
use postern_jwt::time::UnixMillis;

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tables {
    head: Option<Head>,
    tail: BTreeMap<u64, TailRow>,
    routes: BTreeMap<u64, RouteRow>,
    segments: BTreeMap<String, SegmentRow>,
    parts: BTreeMap<(String, PartKind, u32), Vec<u8>>,
}

#[derive(Debug, Default)]
pub struct MemoryJournal {
    pub tables: RefCell<Tables>,
    pub rows_read: Cell<u64>,
    pub rows_written: Cell<u64>,
}

impl MemoryJournal {
    fn read(&self, rows: usize) {
        self.rows_read.set(self.rows_read.get() + rows as u64);
    }

    fn written(&self, rows: usize) {
        self.rows_written.set(self.rows_written.get() + rows as u64);
    }

    pub fn rows(&self) -> usize {
        let tables = self.tables.borrow();
        tables.tail.len() + tables.routes.len() + tables.segments.len() + tables.parts.len()
    }

    pub fn stored_bytes(&self) -> usize {
        let tables = self.tables.borrow();
        tables.parts.values().map(Vec::len).sum::<usize>() + tables.tail.len() * 24
    }
}

impl JournalStore for MemoryJournal {
    fn head(&self) -> Result<Option<Head>, StoreFault> {
        self.read(1);
        Ok(self.tables.borrow().head)
    }

    fn set_head(&self, head: &Head) -> Result<(), StoreFault> {
        self.written(1);
        self.tables.borrow_mut().head = Some(*head);
        Ok(())
    }

    fn tail(&self) -> Result<Vec<TailRow>, StoreFault> {
        let rows: Vec<_> = self.tables.borrow().tail.values().copied().collect();
        self.read(rows.len());
        Ok(rows)
    }

    fn put_tail(&self, row: &TailRow) -> Result<(), StoreFault> {
        self.written(1);
        self.tables.borrow_mut().tail.insert(row.position, *row);
        Ok(())
    }

    fn forget_tail(&self, until: UnixMillis) -> Result<(), StoreFault> {
        let mut tables = self.tables.borrow_mut();
        let before = tables.tail.len();
        tables.tail.retain(|_, row| row.expires > until);
        self.read(before);
        self.written(before - tables.tail.len());
        Ok(())
    }

    fn routes(&self) -> Result<Vec<RouteRow>, StoreFault> {
        let rows: Vec<_> = self.tables.borrow().routes.values().copied().collect();
        self.read(rows.len());
        Ok(rows)
    }

    fn put_route(&self, row: &RouteRow) -> Result<(), StoreFault> {
        self.written(1);
        self.tables.borrow_mut().routes.insert(row.route, *row);
        Ok(())
    }

    fn forget_routes(&self, until: UnixMillis) -> Result<(), StoreFault> {
        let mut tables = self.tables.borrow_mut();
        let before = tables.routes.len();
        tables.routes.retain(|_, row| row.expires > until);
        self.read(before);
        self.written(before - tables.routes.len());
        Ok(())
    }

    fn segments(&self) -> Result<Vec<SegmentRow>, StoreFault> {
        let rows: Vec<_> = self.tables.borrow().segments.values().cloned().collect();
        self.read(rows.len());
        Ok(rows)
    }

    fn put_segment(&self, row: &SegmentRow) -> Result<(), StoreFault> {
        self.written(1);
        let mut tables = self.tables.borrow_mut();
        tables.segments.insert(row.name.clone(), row.clone());
        Ok(())
    }

    fn remove_segment(&self, name: &str) -> Result<(), StoreFault> {
        let mut tables = self.tables.borrow_mut();
        let rows = tables.segments.len() + tables.parts.len();
        tables.segments.remove(name);
        tables.parts.retain(|(of, _, _), _| of != name);
        self.written(rows - tables.segments.len() - tables.parts.len());
        Ok(())
    }

    fn put_part(
        &self,
        name: &str,
        kind: PartKind,
        number: u32,
        bytes: &[u8],
    ) -> Result<(), StoreFault> {
        assert!(bytes.len() <= PART_BYTES);
        self.written(1);
        let mut tables = self.tables.borrow_mut();
        tables
            .parts
            .insert((name.to_owned(), kind, number), bytes.to_vec());
        Ok(())
    }

    fn part(&self, name: &str, kind: PartKind, number: u32) -> Result<Option<Vec<u8>>, StoreFault> {
        self.read(1);
        let tables = self.tables.borrow();
        Ok(tables.parts.get(&(name.to_owned(), kind, number)).cloned())
    }
}
