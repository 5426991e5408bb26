//! The index of the rules: a tree of path segments for each host, so that a table of many rules costs no more than one.

use std::borrow::Cow;

use crate::http::host;
use crate::settings::origin::host_name;

use crate::gateway::matching::pattern::{Pattern, Segment};
use crate::gateway::matching::segments::{decoded, segments};

/// A place in the tree.
#[derive(Debug, Default)]
struct Node {
    /// Literal segments below, in the order of their texts.
    children: Vec<(String, usize)>,
    /// Below `*`.
    any: Option<usize>,
    /// Rules whose pattern ends here, first to last.
    ends: Vec<usize>,
    /// Rules whose pattern ends in `/**` here, first to last.
    open: Vec<usize>,
}

/// The tree. Every rule is listed at the end of each of its patterns, under each of its hosts.
#[derive(Debug, Default)]
pub(crate) struct Index {
    nodes: Vec<Node>,
    /// The roots of the rules for certain hosts, in the order of the hosts.
    hosts: Vec<(String, usize)>,
    /// The root of the rules for every host.
    every_host: Option<usize>,
}

impl Index {
    /// Lists a rule. Rules are to be listed in their order.
    pub(crate) fn insert(&mut self, host: Option<&str>, pattern: &Pattern, rule: usize) {
        let mut at = self.root(host);
        for segment in &pattern.segments {
            at = self.below(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            let list = if pattern.open {
                &mut node.open
            } else {
                &mut node.ends
            };
            if list.last() != Some(&rule) {
                list.push(rule);
            }
        }
    }

    /// The first rule for a host (`name[:port]`) and a path that `is_right` accepts.
    pub(crate) fn find(
        &self,
        host: &str,
        path: &str,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let host = normal_host(host);
        let mut search = Search {
            nodes: &self.nodes,
            is_right,
            best: None,
            #[cfg(test)]
            steps: 0,
        };
        self.search(&host, path, &mut search);
        search.best
    }

    /// The first rule that `is_right` accepts and one of whose patterns has every path that this one has; for a host, or
    /// for those that no rule names.
    pub(crate) fn covering(
        &self,
        host: Option<&str>,
        pattern: &Pattern,
        is_right: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut search = Search {
            nodes: &self.nodes,
            is_right,
            best: None,
            #[cfg(test)]
            steps: 0,
        };
        for root in self.roots(&normal_host(host.unwrap_or_default())) {
            search.cover(root, &pattern.segments, pattern.open);
        }
        search.best
    }

    fn search(&self, host: &str, path: &str, search: &mut Search<'_, impl Fn(usize) -> bool>) {
        let parts: Vec<_> = segments(path).map(decoded).collect();
        for root in self.roots(host) {
            search.walk(root, &parts);
        }
    }

    /// Where the rules for a host begin; it is in its normal form.
    fn roots(&self, host: &str) -> impl Iterator<Item = usize> {
        let name = host_name(host);
        let exact = child(&self.hosts, host);
        let by_name = (name != host).then(|| child(&self.hosts, name)).flatten();
        exact.into_iter().chain(by_name).chain(self.every_host)
    }

    /// How many nodes a search visits and how many rules it looks at.
    #[cfg(test)]
    pub(crate) fn steps(&self, host: &str, path: &str, is_right: impl Fn(usize) -> bool) -> usize {
        let mut search = Search {
            nodes: &self.nodes,
            is_right,
            best: None,
            steps: 0,
        };
        self.search(&normal_host(host), path, &mut search);
        search.steps
    }

    fn root(&mut self, host: Option<&str>) -> usize {
        let Some(host) = host else {
            let next = self.nodes.len();
            let root = *self.every_host.get_or_insert(next);
            if root == next {
                self.nodes.push(Node::default());
            }
            return root;
        };
        match self
            .hosts
            .binary_search_by(|(known, _)| known.as_str().cmp(host))
        {
            Ok(found) => self.hosts.get(found).map_or(0, |(_, root)| *root),
            Err(place) => {
                let root = self.nodes.len();
                self.nodes.push(Node::default());
                self.hosts.insert(place, (host.to_owned(), root));
                root
            }
        }
    }

    fn below(&mut self, at: usize, segment: &Segment) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else {
            return at;
        };
        let found = match segment {
            Segment::Any => *node.any.get_or_insert(next),
            Segment::Literal(literal) => {
                match node
                    .children
                    .binary_search_by(|(known, _)| known.cmp(literal))
                {
                    Ok(found) => node.children.get(found).map_or(next, |(_, child)| *child),
                    Err(place) => {
                        node.children.insert(place, (literal.clone(), next));
                        next
                    }
                }
            }
        };
        if found == next {
            self.nodes.push(Node::default());
        }
        found
    }
}

/// The normal form of a host; what is none is nobody's.
pub(crate) fn normal_host(host: &str) -> Cow<'_, str> {
    host::normal(host).unwrap_or_default()
}

fn child(children: &[(String, usize)], name: &str) -> Option<usize> {
    let found = children
        .binary_search_by(|(known, _)| known.as_str().cmp(name))
        .ok()?;
    children.get(found).map(|(_, child)| *child)
}

struct Search<'n, F> {
    nodes: &'n [Node],
    is_right: F,
    best: Option<usize>,
    #[cfg(test)]
    steps: usize,
}

impl<F: Fn(usize) -> bool> Search<'_, F> {
    /// Each node is visited at most once: there is one way to it.
    fn walk(&mut self, at: usize, parts: &[Cow<'_, str>]) {
        let Some(node) = self.nodes.get(at) else {
            return;
        };
        self.count();
        self.consider(&node.open);
        let Some((first, rest)) = parts.split_first() else {
            self.consider(&node.ends);
            return;
        };
        if let Some(below) = child(&node.children, first) {
            self.walk(below, rest);
        }
        if let Some(below) = node.any.filter(|_| !first.is_empty()) {
            self.walk(below, rest);
        }
    }

    /// As [`Self::walk`], with a pattern in place of a path: `*` is in nothing but `*` and `/**`.
    fn cover(&mut self, at: usize, segments: &[Segment], open: bool) {
        let Some(node) = self.nodes.get(at) else {
            return;
        };
        self.count();
        self.consider(&node.open);
        let Some((first, rest)) = segments.split_first() else {
            if !open {
                self.consider(&node.ends);
            }
            return;
        };
        if let Segment::Literal(literal) = first
            && let Some(below) = child(&node.children, literal)
        {
            self.cover(below, rest, open);
        }
        if let Some(below) = node.any {
            self.cover(below, rest, open);
        }
    }

    fn consider(&mut self, rules: &[usize]) {
        for rule in rules {
            // The lists are in order: nothing behind can come first.
            if self.best.is_some_and(|best| best <= *rule) {
                return;
            }
            self.count();
            if (self.is_right)(*rule) {
                self.best = Some(*rule);
                return;
            }
        }
    }

    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_ref_mut,
        clippy::unused_self
    )] // as in tests it counts
    fn count(&mut self) {
        #[cfg(test)]
        {
            self.steps += 1;
        }
    }
}
