//! The configuration keys `WEBSOCKET_…`.

use std::time::Duration;

use hipflask::{App, Config, Error, Result};

use crate::origins::AllowedOrigins;

/// What a WebSocket may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_message: usize,
    pub(crate) max_frame: usize,
    /// How many messages may wait, each way.
    pub(crate) max_queue: usize,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) ping_timeout: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) close: Duration,
    pub(crate) write: Duration,
}

/// The configuration keys, read once.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) compression: bool,
    pub(crate) origins: AllowedOrigins,
}

pub(crate) fn with_defaults(app: App) -> App {
    app.config_default("WEBSOCKET_ALLOWED_ORIGINS", [""; 0])
        .config_default("WEBSOCKET_CLOSE_TIMEOUT", 10)
        .config_default("WEBSOCKET_COMPRESSION", true)
        .config_default("WEBSOCKET_IDLE_TIMEOUT", None::<f64>)
        .config_default("WEBSOCKET_MAX_FRAME_SIZE", None::<usize>)
        .config_default("WEBSOCKET_MAX_MESSAGE_SIZE", 1024 * 1024)
        .config_default("WEBSOCKET_MAX_QUEUE", 16)
        .config_default("WEBSOCKET_PING_INTERVAL", 25)
        .config_default("WEBSOCKET_PING_TIMEOUT", 20)
}

impl Settings {
    pub(crate) fn from_config(config: &Config) -> Result<Settings> {
        let max_message = above_zero(config, "WEBSOCKET_MAX_MESSAGE_SIZE")?;
        let max_frame = match config.find::<usize>("WEBSOCKET_MAX_FRAME_SIZE")? {
            Some(_) => above_zero(config, "WEBSOCKET_MAX_FRAME_SIZE")?,
            None => max_message,
        };
        Ok(Settings {
            limits: Limits {
                max_message,
                max_frame,
                max_queue: above_zero(config, "WEBSOCKET_MAX_QUEUE")?,
                ping_interval: optional(config, "WEBSOCKET_PING_INTERVAL")?,
                ping_timeout: required(config, "WEBSOCKET_PING_TIMEOUT")?,
                idle: optional(config, "WEBSOCKET_IDLE_TIMEOUT")?,
                close: required(config, "WEBSOCKET_CLOSE_TIMEOUT")?,
                write: required(config, "SERVER_WRITE_TIMEOUT")?,
            },
            compression: config.switch("WEBSOCKET_COMPRESSION", true),
            origins: AllowedOrigins::parse(&config.get::<Vec<String>>("WEBSOCKET_ALLOWED_ORIGINS")?)?,
        })
    }
}

fn above_zero(config: &Config, key: &str) -> Result<usize> {
    match config.get::<usize>(key)? {
        0 => Err(Error::msg(format!("the configuration key `{key}` must be a number above 0"))),
        number => Ok(number),
    }
}

/// A time; none if the key is `null`.
fn optional(config: &Config, key: &str) -> Result<Option<Duration>> {
    match config.seconds(key)? {
        Some(time) if time.is_zero() => {
            Err(Error::msg(format!("the configuration key `{key}` must be a number of seconds above 0, or null")))
        }
        time => Ok(time),
    }
}

fn required(config: &Config, key: &str) -> Result<Duration> {
    let time = config.seconds(key)?.filter(|time| !time.is_zero());
    time.ok_or_else(|| Error::msg(format!("the configuration key `{key}` must be a number of seconds above 0")))
}
