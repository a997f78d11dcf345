//! What a message says is to follow its task.

use hipflask::Result;
use serde_json::Value;

use super::Worker;
use crate::message::{Body, Message, Signature};
use crate::task::call::Outgoing;

/// The callbacks and the rest of the chain, each with the result as its first argument.
pub(super) async fn success(worker: &Worker, message: &Message, result: &Value) -> Result<()> {
    let embed = &message.body.embed;
    for callback in embed.callbacks.iter().flatten() {
        let next = following(message, callback, vec![result.clone()]);
        send(worker, next, callback).await?;
    }
    let mut rest = embed.chain.clone().unwrap_or_default();
    if let Some(next) = rest.pop() {
        let mut outgoing = following(message, &next, vec![result.clone()]);
        outgoing.body.embed.chain = (!rest.is_empty()).then_some(rest);
        send(worker, outgoing, &next).await?;
    }
    Ok(())
}

/// The error callbacks, each with the id of the task that failed as its first argument.
pub(super) async fn failure(worker: &Worker, message: &Message) -> Result<()> {
    for callback in message.body.embed.errbacks.iter().flatten() {
        let next = following(message, callback, vec![Value::from(message.id())]);
        send(worker, next, callback).await?;
    }
    Ok(())
}

/// The message of a signature that follows another message.
fn following(message: &Message, signature: &Signature, first: Vec<Value>) -> Message {
    let mut args = if signature.immutable { Vec::new() } else { first };
    args.extend(signature.args.iter().cloned());
    let option = |name: &str| signature.options.get(name);
    let signatures = |name: &str| option(name).and_then(|value| serde_json::from_value(value.clone()).ok());
    let mut next =
        Message::new(signature.task.clone(), Body { args, kwargs: signature.kwargs.clone(), ..Body::default() });
    if let Some(id) = option("task_id").and_then(Value::as_str) {
        next.headers.id = id.to_owned();
        next.properties.correlation_id = id.to_owned();
    }
    next.headers.root_id = message.headers.root_id.clone();
    next.headers.parent_id = Some(message.headers.id.clone());
    next.body.embed.callbacks = signatures("link");
    next.body.embed.errbacks = signatures("link_error");
    next
}

async fn send(worker: &Worker, message: Message, signature: &Signature) -> Result<()> {
    let queue = signature.options.get("queue").and_then(Value::as_str);
    let queue = queue.map_or_else(|| worker.shared.queue_of(&signature.task), str::to_owned);
    worker.shared.broker().send(&Outgoing { message, queue, unique: None }).await.map(drop)
}
