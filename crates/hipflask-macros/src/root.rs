//! Where the code of a macro finds Hipflask.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, Path, Result, Token};

/// The path of the crate `hipflask`, where it is not `::hipflask`: in a program that has it under another name, or from
/// another crate.
#[derive(Default)]
pub(crate) struct Root(Option<TokenStream>);

impl Root {
    /// Takes `crate = path` out of the arguments of an attribute.
    pub(crate) fn take(arguments: &mut TokenStream) -> Result<Root> {
        let tokens: Vec<TokenTree> = arguments.clone().into_iter().collect();
        let mut parts: Vec<_> = tokens.split(|token| is_punct(token, ',')).collect();
        let is_root = |part: &&[TokenTree]| matches!(part.first(), Some(TokenTree::Ident(word)) if word == "crate");
        let Some(at) = parts.iter().position(is_root) else { return Ok(Root::default()) };
        let root = Root::read(parts.remove(at))?;
        let parts = parts.into_iter().map(|part| part.iter().cloned().collect::<TokenStream>());
        *arguments = Punctuated::<TokenStream, Token![,]>::from_iter(parts).into_token_stream();
        Ok(root)
    }

    /// `crate = path`
    fn read(option: &[TokenTree]) -> Result<Root> {
        let wrong = |span: Span| Error::new(span, "`crate` is the path of Hipflask: `crate = my::hipflask`");
        let path = match option {
            [_, TokenTree::Punct(equals), path @ ..] if equals.as_char() == '=' => path.iter().cloned().collect(),
            _ => return Err(wrong(option[0].span())),
        };
        let path = Path::parse_mod_style.parse2(path).map_err(|error| wrong(error.span()))?;
        Ok(Root(Some(path.into_token_stream())))
    }

    /// Takes the path that `macro_rules!` put in front of a macro's input: `$crate;`.
    pub(crate) fn before(input: TokenStream) -> (Root, TokenStream) {
        let mut tokens = input.into_iter();
        let path = tokens.by_ref().take_while(|token| !is_punct(token, ';')).collect();
        (Root(Some(path)), tokens.collect())
    }

    /// Reads `#[form(crate = path)]` above a struct, where `form` is `attribute`. Its other options are left to the derive.
    pub(crate) fn of_derive(input: &TokenStream, attribute: &str) -> Result<Root> {
        let mut root = Root::default();
        let Ok(input) = syn::parse2::<DeriveInput>(input.clone()) else { return Ok(root) };
        for attribute in input.attrs.iter().filter(|found| found.path().is_ident(attribute)) {
            let mut options = attribute.meta.require_list()?.tokens.clone();
            let found = Root::take(&mut options)?;
            root = if found.0.is_some() { found } else { root };
        }
        Ok(root)
    }

    /// Whether `written` is the crate's `name`, with its whole path.
    pub(crate) fn is(&self, written: &str, name: &str) -> bool {
        let root = self.0.as_ref().map_or_else(|| "hipflask".to_owned(), ToString::to_string);
        written.trim_start_matches(":: ") == format!("{} :: {name}", root.trim_start_matches(":: "))
    }

    /// The code with this path for each `::hipflask`. All that macros write has that, as a user would type it; each stays
    /// where it was placed, so that messages point at the same.
    pub(crate) fn put_into(&self, code: TokenStream) -> TokenStream {
        let Some(path) = &self.0 else { return code };
        let mut out: Vec<TokenTree> = Vec::new();
        for token in code {
            match token {
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), self.put_into(group.stream()));
                    inner.set_span(group.span());
                    out.push(inner.into());
                }
                TokenTree::Ident(name) if name == "hipflask" && is_absolute(&out) => {
                    out.truncate(out.len() - 2);
                    out.extend(placed(path, &name));
                }
                token => out.push(token),
            }
        }
        out.into_iter().collect()
    }
}

/// Whether the tokens end in a `::` that begins a path.
fn is_absolute(before: &[TokenTree]) -> bool {
    match before {
        [rest @ .., first, second] => is_punct(first, ':') && is_punct(second, ':') && !is_path(rest),
        _ => false,
    }
}

/// Whether the tokens end in the beginning of a path: a name, or `>` unless it is that of an arrow.
fn is_path(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(word)] => {
            let word = word.to_string();
            ["crate", "self", "Self", "super"].contains(&word.as_str()) || syn::parse_str::<Ident>(&word).is_ok()
        }
        [.., first, second] => is_punct(second, '>') && !is_punct(first, '-') && !is_punct(first, '='),
        _ => false,
    }
}

/// The path in the place of `name`.
fn placed(path: &TokenStream, name: &Ident) -> impl Iterator<Item = TokenTree> {
    let span = name.span();
    path.clone().into_iter().map(move |mut token| {
        token.set_span(span.resolved_at(token.span()));
        token
    })
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(code: &str) -> TokenStream {
        code.parse().expect("these are tokens")
    }

    /// The code without its spaces, which say nothing.
    fn text(tokens: &TokenStream) -> String {
        tokens.to_string().replace(' ', "")
    }

    #[test]
    fn the_path_takes_the_place_of_ours_and_of_no_other() {
        let root = Root(Some(tokens("my::web")));
        for (code, put) in [
            (
                "fn f() -> ::hipflask::Html { [::hipflask::A, &mut ::hipflask::B] }",
                "fn f() -> my::web::Html { [my::web::A, &mut my::web::B] }",
            ),
            ("<T as ::hipflask::FromContext>::READY", "<T as my::web::FromContext>::READY"),
            ("match x { _ => ::hipflask::C, }", "match x { _ => my::web::C, }"),
            ("their::hipflask::D", "their::hipflask::D"),
            (
                "crate::hipflask::E; Self::hipflask; <T>::hipflask::F",
                "crate::hipflask::E; Self::hipflask; <T>::hipflask::F",
            ),
            ("hipflask::G; x: hipflask; y::<::hipflask::H>()", "hipflask::G; x: hipflask; y::<my::web::H>()"),
        ] {
            assert_eq!(text(&root.put_into(tokens(code))), text(&tokens(put)), "{code}");
            assert_eq!(text(&Root::default().put_into(tokens(code))), text(&tokens(code)), "{code}");
        }
    }

    #[test]
    fn it_is_taken_out_of_the_arguments_wherever_it_is() {
        for (written, left) in [
            ("crate = my::web", ""),
            ("crate = ::web,", ""),
            ("\"/\", crate = crate::web", "\"/\""),
            ("crate = web, \"/\", methods = [GET, POST]", "\"/\", methods = [GET, POST]"),
            ("\"/\", crate = web, endpoint = \"a\",", "\"/\", endpoint = \"a\","),
        ] {
            let mut arguments = tokens(written);
            assert!(Root::take(&mut arguments).expect("a path").0.is_some(), "{written}");
            assert_eq!(text(&arguments), text(&tokens(left)), "{written}");
        }
        let mut arguments = tokens("\"/\", endpoint = \"crate\"");
        assert!(Root::take(&mut arguments).expect("nothing").0.is_none());
        for wrong in ["crate", "crate =", "crate = \"web\"", "crate(web)", "crate = Vec<u8>"] {
            let error = Root::take(&mut tokens(wrong)).err().expect("no path");
            assert_eq!(error.to_string(), "`crate` is the path of Hipflask: `crate = my::hipflask`", "{wrong}");
        }
    }
}
