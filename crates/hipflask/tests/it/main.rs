//! Hipflask driven from outside, one file per capability.

mod lifecycle;
mod responses;
mod routing;
mod views;
