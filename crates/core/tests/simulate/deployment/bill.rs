//! What a month of such days costs, at the list prices and with the counts of `docs/costs.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Size, tally::Tally, traffic::DAY};
use crate::plot::thousands;

const COSTS: &str = include_str!("../../../../../docs/costs.json");
const DAYS: f64 = 30.0;
/// Assumed, as in the calculator.
const CPU_MILLISECONDS: f64 = 2.0;
const AWAKE_SECONDS: f64 = 0.05;
const GIGABYTES: f64 = 0.128;

#[derive(Deserialize)]
struct Costs {
    prices: Prices,
    counts: BTreeMap<String, Counted>,
}

#[derive(Deserialize)]
struct Prices {
    plan: f64,
    units: BTreeMap<String, Unit>,
}

#[derive(Deserialize)]
struct Unit {
    name: String,
    each_million: f64,
    included: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    at_once: Cost,
    later: Cost,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requests: f64,
    rows_read: f64,
    rows_written: f64,
    alarms: f64,
    kv_reads: f64,
    kv_writes: f64,
    kv_deletes: f64,
}

pub fn print(size: &Size, tally: &Tally) {
    let Costs { prices, counts } = serde_json::from_str(COSTS).unwrap();
    let day = tally.ordinary();
    let mut used: BTreeMap<&str, f64> = BTreeMap::new();
    let mut add = |unit: &'static str, amount: f64| *used.entry(unit).or_default() += DAYS * amount;
    let operations = [
        ("login of a known user", size.sign_ins),
        ("refresh, object asleep", size.refreshes),
        ("first API call after a refresh", size.refreshes),
        ("read of session data", size.reads),
        ("overwrite of session data", size.writes),
        ("sign-out with data", size.sign_outs),
    ];
    for (name, each) in operations {
        let counted = &counts[name];
        for cost in [&counted.at_once, &counted.later] {
            let times = size.users * each;
            add("requests", times * cost.requests);
            add("rowsRead", times * cost.rows_read);
            add("rowsWritten", times * (cost.rows_written + cost.alarms));
            add("kvReads", times * cost.kv_reads);
            add("kvWrites", times * cost.kv_writes);
            add("kvDeletes", times * cost.kv_deletes);
        }
    }
    let strict = &counts["API call, strict"].at_once;
    add("requests", day.objects * strict.requests);
    add("rowsRead", day.objects * strict.rows_read);
    let requests = day.requests + size.users * (size.refreshes + size.sign_ins + size.sign_outs);
    add("workerRequests", requests);
    add("cpuMilliseconds", requests * CPU_MILLISECONDS);
    // The key ring, each shard of the authority and each relay are awake for many requests at a time, all the month at most.
    let asked = DAYS * (day.ring + day.polls + day.fetches + day.relayed);
    let all_the_month = f64::from(1 + size.shards + size.relays) * DAYS * DAY as f64;
    let awake = used["requests"] * AWAKE_SECONDS + (asked * AWAKE_SECONDS).min(all_the_month);
    used.insert("gigabyteSeconds", awake * GIGABYTES);
    *used.entry("requests").or_default() += asked;
    println!(
        "\nA month of days without events, 60 s, shards {}, relays {}: requests to the key ring {}, polls {}, segments {}, to relays {}, users' objects for a copy's sake {}.\n",
        size.shards,
        size.relays,
        whole(DAYS * day.ring),
        whole(DAYS * day.polls),
        whole(DAYS * day.fetches),
        whole(DAYS * day.relayed),
        whole(DAYS * day.objects)
    );
    println!("| | in the month | $ |\n| --- | ---: | ---: |");
    let mut total = prices.plan;
    for (unit, price) in &prices.units {
        let amount = used.get(unit.as_str()).copied().unwrap_or(0.0);
        let dollars = (amount - price.included).max(0.0) / 1e6 * price.each_million;
        total += dollars;
        println!(
            "| {} | {} | {} |",
            price.name,
            whole(amount),
            whole(dollars)
        );
    }
    println!("| **together, with the plan** | | **{}** |", whole(total));
}

fn whole(amount: f64) -> String {
    thousands(amount.round() as u64)
}
