//! What proxies in front of the server say of a request. Werkzeug's `ProxyFix`.

mod forwarded;
mod peers;
mod values;

use std::sync::Arc;

use crate::app::App;
use crate::app::extension::Extension;
use crate::base::error::Result;
use crate::builtin::proxy_fix::peers::{PRIVATE, Peers};
use crate::builtin::proxy_fix::values::{Hops, Values};
use crate::context::Context;
use crate::handler::{Answer, Handler};
use crate::http::request::Request;

/// Believes the proxies in front of the server: who the client is, and which address it asked for. Werkzeug's `ProxyFix`.
///
/// Each proxy adds its value on the right of a header, so the count of your proxies says which value to believe; what
/// the client wrote is further left. A header with fewer values than that is ignored, and so is a value that cannot be
/// right. Set the count of a header to 0 if your proxies do not set it, because then it is the client's.
///
/// Headers count only if they come from a peer that is a proxy of yours: by default one on this machine, in a
/// private network, or on a Unix socket; [`trusted_peers`](ProxyFix::trusted_peers) says otherwise.
///
/// It is wrapped around the application, inside of what is [wrapped](App::wrap) later. So everything in the application
/// sees the client's request: `TRUSTED_HOSTS`, URLs, redirects, the session cookie, the log.
///
/// ```
/// use hipflask::prelude::*;
/// use hipflask::security::ProxyFix;
///
/// #[get("/")]
/// async fn index(ctx: &mut Context) -> String {
///     let client = ctx.request().remote_addr().unwrap();
///     format!("{client} {}", ctx.request().url())
/// }
///
/// // One proxy, which sets X-Forwarded-For, -Proto and -Host.
/// let app = App::new("doc", ".").extend(ProxyFix::new().x_host(1)).routes(routes![index]);
/// let client = app.test_client();
/// let request = client.get("/").header("x-forwarded-for", "198.51.100.1, 192.0.2.7");
/// let request = request.header("x-forwarded-proto", "https").header("x-forwarded-host", "app.localhost");
/// assert_eq!(request.send_blocking().text(), "192.0.2.7 https://app.localhost/");
/// ```
#[derive(Clone, Debug)]
pub struct ProxyFix {
    hops: Hops,
    peers: Peers,
    reads_forwarded: bool,
}

impl ProxyFix {
    /// Believes one proxy, about the client's address and the scheme.
    #[must_use]
    pub fn new() -> ProxyFix {
        let hops = Hops { client: 1, scheme: 1, host: 0, port: 0, prefix: 0 };
        ProxyFix { hops, peers: Peers::new(PRIVATE), reads_forwarded: false }
    }

    /// How many proxies set `X-Forwarded-For`, the address of the client: 1 by default.
    #[must_use]
    pub fn x_for(mut self, hops: usize) -> ProxyFix {
        self.hops.client = hops;
        self
    }

    /// How many proxies set `X-Forwarded-Proto`, the scheme: 1 by default.
    #[must_use]
    pub fn x_proto(mut self, hops: usize) -> ProxyFix {
        self.hops.scheme = hops;
        self
    }

    /// How many proxies set `X-Forwarded-Host`, the host, which may have a port: 0 by default.
    #[must_use]
    pub fn x_host(mut self, hops: usize) -> ProxyFix {
        self.hops.host = hops;
        self
    }

    /// How many proxies set `X-Forwarded-Port`, the port of the host: 0 by default.
    #[must_use]
    pub fn x_port(mut self, hops: usize) -> ProxyFix {
        self.hops.port = hops;
        self
    }

    /// How many proxies set `X-Forwarded-Prefix`, what they took off the front of the path: 0 by default.
    #[must_use]
    pub fn x_prefix(mut self, hops: usize) -> ProxyFix {
        self.hops.prefix = hops;
        self
    }

    /// Reads `for`, `proto` and `host` of the header `Forwarded` (RFC 7239) in place of `X-Forwarded-For`, `-Proto` and
    /// `-Host`. Each proxy adds an element, and the counts are of elements. A request whose header is malformed is a 400,
    /// because then nobody knows which part of it the client wrote.
    ///
    /// ```
    /// use hipflask::prelude::*;
    /// use hipflask::security::ProxyFix;
    ///
    /// #[get("/")]
    /// async fn index(ctx: &mut Context) -> String {
    ///     ctx.request().url()
    /// }
    ///
    /// let app = App::new("doc", ".").extend(ProxyFix::new().x_host(1).forwarded()).routes(routes![index]);
    /// let client = app.test_client();
    /// let request = client.get("/").header("forwarded", "for=192.0.2.7;proto=https;host=app.localhost");
    /// assert_eq!(request.send_blocking().text(), "https://app.localhost/");
    /// ```
    #[must_use]
    pub fn forwarded(mut self) -> ProxyFix {
        self.reads_forwarded = true;
        self
    }

    /// Which peers are proxies whose headers count, in place of those by default: addresses, networks, and `unix` for
    /// every client of a Unix socket. What is wrong with one is found when the application starts. Requests made in
    /// memory count always.
    ///
    /// By default these are 127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, `::1`, fc00::/7 and `unix`. Werkzeug
    /// believes every peer: `["0.0.0.0/0", "::/0", "unix"]`.
    ///
    /// ```
    /// use hipflask::http::{Request, Scheme};
    /// use hipflask::prelude::*;
    /// use hipflask::security::ProxyFix;
    ///
    /// #[get("/")]
    /// async fn index(ctx: &mut Context) -> String {
    ///     ctx.request().remote_addr().unwrap().to_string()
    /// }
    ///
    /// let proxies = ProxyFix::new().trusted_peers(["203.0.113.0/24"]);
    /// let app = App::new("doc", ".").extend(proxies).routes(routes![index]).freeze()?;
    /// for (peer, client) in [("203.0.113.9:4000", "192.0.2.7"), ("198.51.100.1:4000", "198.51.100.1")] {
    ///     let request = Request::get("/").with_header("x-forwarded-for", "192.0.2.7");
    ///     let request = request.with_peer(peer.parse()?, Scheme::Http);
    ///     let response = hipflask::block_on(app.respond(request));
    ///     assert_eq!(response.data(), Some(client.as_bytes()));
    /// }
    /// # Ok::<(), hipflask::Error>(())
    /// ```
    #[must_use]
    pub fn trusted_peers<S: AsRef<str>>(mut self, peers: impl IntoIterator<Item = S>) -> ProxyFix {
        self.peers = Peers::new(peers);
        self
    }

    /// What is wrong with it.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.peers.problems.clone();
        if self.reads_forwarded && (self.hops.port, self.hops.prefix) != (0, 0) {
            problems.push("`Forwarded` has no port and no prefix; leave out `x_port` and `x_prefix`".to_owned());
        }
        problems
    }

    /// Makes the request what it was before the proxies.
    fn fix(&self, request: &mut Request) -> Result<()> {
        if !self.peers.trust(request.peer()) {
            return Ok(());
        }
        let values = if self.reads_forwarded {
            Values::of_forwarded(request, self.hops)?
        } else {
            Values::of_x_forwarded(request, self.hops)
        };
        values.put_into(request)
    }
}

impl Default for ProxyFix {
    fn default() -> ProxyFix {
        ProxyFix::new()
    }
}

#[diagnostic::do_not_recommend]
impl Extension for ProxyFix {
    fn init_app(self, app: App) -> App {
        let problems = self.problems();
        let app = app.on_freeze(|freezing| problems.into_iter().for_each(|problem| freezing.problem(problem)));
        app.wrap(|inside| BehindProxies { inside, proxies: self })
    }
}

struct BehindProxies {
    inside: Arc<dyn Handler>,
    proxies: ProxyFix,
}

impl Handler for BehindProxies {
    fn call<'a>(&'a self, ctx: &'a mut Context) -> Answer<'a> {
        match self.proxies.fix(ctx.request_mut()) {
            Ok(()) => self.inside.call(ctx),
            Err(error) => Answer::Ready(Err(error)),
        }
    }
}
