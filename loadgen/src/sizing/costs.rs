//! What servers and traffic cost, in the currency of the prices.

use serde::Serialize;

use super::asked::Prices;
use super::load::Load;

/// Hours of a month: a twelfth of a year.
const HOURS: f64 = 730.0;
const GB: f64 = 1e9;

/// Prices of a load that is the same all month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Costs {
    /// A month of all servers; `None` without their price or number.
    pub servers_per_month: Option<f64>,
    /// A month of what they send; `None` without its price.
    pub traffic_per_month: Option<f64>,
    /// Both.
    pub per_month: f64,
    /// Both, for 1,000 connections.
    pub per_month_per_1000_connections: f64,
    /// Both, for a million deliveries; `None` where nothing is delivered.
    pub per_million_deliveries: Option<f64>,
}

impl Costs {
    /// Of so many servers that send so many bytes a second; `None` without a price of what is known.
    pub(super) fn of(prices: Prices, servers: Option<u64>, bytes_per_s: Option<f64>, load: &Load) -> Option<Self> {
        let servers_per_month = prices.per_hour.zip(servers).map(|(price, servers)| price * HOURS * servers as f64);
        let month_s = HOURS * 3600.0;
        let traffic_per_month = prices.per_gb.zip(bytes_per_s).map(|(price, bytes)| price * bytes * month_s / GB);
        if servers_per_month.is_none() && traffic_per_month.is_none() {
            return None;
        }
        let per_month = servers_per_month.unwrap_or_default() + traffic_per_month.unwrap_or_default();
        let deliveries = load.deliveries_per_s * month_s;
        Some(Self {
            servers_per_month,
            traffic_per_month,
            per_month,
            per_month_per_1000_connections: per_month / load.connections * 1000.0,
            per_million_deliveries: (deliveries > 0.0).then(|| per_month / deliveries * 1e6),
        })
    }
}
