//! What was said of the headers: by nobody, an application or a view.

use crate::builtin::security::talisman::policy::Policy;

/// The default policy: a page may load from its own site, and inline only what carries the request's nonce
/// (`csp_nonce()`).
const DEFAULT_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; img-src 'self' data:";

const PERMISSIONS: &str = "browsing-topics=(), camera=(), geolocation=(), microphone=()";

/// As long as Talisman's: a year.
const YEAR: u64 = 31_556_926;

/// Declares the options, each of which may have been left unsaid, and how some lie over others.
macro_rules! options {
    ($($name:ident: $kind:ty,)*) => {
        /// The options. `None` was not said.
        #[derive(Clone, Debug, Default)]
        pub(super) struct Said {
            $(pub(super) $name: Option<$kind>,)*
        }

        impl Said {
            /// This, and what is `around` it where this says nothing.
            pub(super) fn over(&self, around: &Said) -> Said {
                Said { $($name: self.$name.clone().or_else(|| around.$name.clone()),)* }
            }
        }
    };
}

options! {
    force_https: bool,
    force_https_permanent: bool,
    force_file_save: bool,
    frame_options: String,
    strict_transport_security: bool,
    strict_transport_security_preload: bool,
    strict_transport_security_max_age: u64,
    strict_transport_security_include_subdomains: bool,
    content_security_policy: Policy,
    content_security_policy_nonce_in: Vec<String>,
    content_security_policy_report_only: bool,
    content_security_policy_report_uri: String,
    reporting_endpoints: Vec<(String, String)>,
    referrer_policy: String,
    permissions_policy: Policy,
    document_policy: Policy,
    cross_origin_opener_policy: String,
    cross_origin_embedder_policy: String,
    cross_origin_resource_policy: String,
    x_content_type_options: bool,
    x_xss_protection: bool,
}

impl Said {
    /// What holds if nobody says anything. What is not here is off.
    pub(super) fn defaults() -> Said {
        let same_origin = || Some("same-origin".to_owned());
        Said {
            frame_options: Some("SAMEORIGIN".to_owned()),
            strict_transport_security: Some(true),
            strict_transport_security_max_age: Some(YEAR),
            strict_transport_security_include_subdomains: Some(true),
            content_security_policy: Some(DEFAULT_POLICY.into()),
            content_security_policy_nonce_in: Some(vec!["script-src".to_owned(), "style-src".to_owned()]),
            referrer_policy: Some("strict-origin-when-cross-origin".to_owned()),
            permissions_policy: Some(PERMISSIONS.into()),
            cross_origin_opener_policy: same_origin(),
            cross_origin_resource_policy: same_origin(),
            x_content_type_options: Some(true),
            ..Said::default()
        }
    }
}
