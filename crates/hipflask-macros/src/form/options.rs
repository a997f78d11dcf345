//! What `#[field(..)]` says of a field of a form.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::parse::ParseBuffer;
use syn::spanned::Spanned;
use syn::{Error, Expr, Field, GenericArgument, LitStr, Path, PathArguments, Result, Token, Type};

use crate::arguments::last_segment;
use crate::form::syntax::{Bounds, alone, bounds, check_shape, list, misspelt, text, value};

const KNOWN: &str = "`name`, `label`, `widget`, `description`, `trim`, `empty`, `readonly`, `disabled`, \
                     `length(1..=80)`, `range(18..)`, `entries(1..=3)`, `file_size(..=2_000_000)`, \
                     `file_types(\"png\")`, `email`, `url`, `uuid`, `mac_address`, `ticked`, `one_of(\"a\", \"b\")`, \
                     `none_of(\"a\")`, `choices(\"a\" = \"First\")`, `equal_to = \"field\"`, `check = function`, \
                     `rule = value`";

/// What `#[field(..)]` says.
#[derive(Default)]
pub(super) struct Options {
    pub(super) name: Option<LitStr>,
    pub(super) label: Option<LitStr>,
    pub(super) widget: Option<LitStr>,
    pub(super) description: Option<LitStr>,
    /// The label of the empty choice.
    pub(super) empty: Option<LitStr>,
    pub(super) choices: Vec<(LitStr, LitStr)>,
    /// The choices are told at run time.
    pub(super) choices_later: bool,
    pub(super) attributes: Vec<(String, TokenStream)>,
    /// The attributes that no option stands for.
    own: Vec<(String, Span)>,
    pub(super) rules: Vec<Rule>,
    pub(super) entries: Bounds,
    /// White space around what was typed does not count.
    pub(super) trims: bool,
    /// It shows a value and takes no other.
    pub(super) is_read_only: bool,
    /// A box that must be ticked.
    pub(super) must_be_ticked: bool,
    /// The field that it repeats.
    pub(super) repeats: Option<LitStr>,
}

/// A rule of a field.
pub(super) struct Rule {
    /// The option that asks for it.
    pub(super) span: Span,
    pub(super) code: TokenStream,
    /// Of a list, it is for each value.
    pub(super) is_for_each: bool,
    /// It looks at a field that was left empty too.
    pub(super) sees_all: bool,
}

/// How many values a field has, as far as its type's name says, with the type of one.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    One(&'a Type),
    Optional(&'a Type),
    List(&'a Type),
}

pub(super) fn shape(ty: &Type) -> Shape<'_> {
    let Type::Path(path) = ty else { return Shape::One(ty) };
    let Some(last) = path.path.segments.last() else { return Shape::One(ty) };
    let PathArguments::AngleBracketed(inner) = &last.arguments else { return Shape::One(ty) };
    match (last.ident.to_string().as_str(), inner.args.first()) {
        ("Option", Some(GenericArgument::Type(inner))) => Shape::Optional(inner),
        ("Vec", Some(GenericArgument::Type(inner))) => Shape::List(inner),
        _ => Shape::One(ty),
    }
}

impl<'a> Shape<'a> {
    /// The type of one value.
    fn value(self) -> &'a Type {
        match self {
            Shape::One(ty) | Shape::Optional(ty) | Shape::List(ty) => ty,
        }
    }
}

impl Options {
    pub(super) fn read(field: &Field) -> Result<Options> {
        let (mut options, shape) = (Options::default(), shape(&field.ty));
        // A function checks an `Option` only if it was filled in, and a list as a whole.
        let checked = if let Shape::Optional(inner) = shape { inner } else { &field.ty };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
            check_shape(attribute)?;
            attribute.parse_nested_meta(|meta| options.read_one(&meta, checked))?;
        }
        options.check_widget(shape)?;
        Ok(options)
    }

    /// What a widget means for a field: a text in it must be what the widget is for, and some widgets always have a value.
    fn check_widget(&mut self, shape: Shape<'_>) -> Result<()> {
        self.check_attributes(shape)?;
        let Some(widget) = self.widget.clone() else { return Ok(()) };
        let (word, refuse) = (widget.value(), |message: &str| Err(Error::new(widget.span(), message)));
        if matches!(word.as_str(), "color" | "range") && matches!(shape, Shape::Optional(_)) {
            return refuse(
                "a browser always sends a value for this widget, so the field is never empty; its type is not an `Option`",
            );
        }
        let has = |wanted: &str| self.attributes.iter().any(|(name, _)| name == wanted);
        if word == "range" && !(has("min") && has("max")) {
            return refuse(
                "a slider has two ends, and a browser moves any other value between them: add `range(0..=10)`",
            );
        }
        if last_segment(shape.value()).is_some_and(|name| name == "String") {
            self.rules.extend(rule_of_widget(&widget).map(|code| Rule::each(widget.span(), code)));
        }
        Ok(())
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let Some(key) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(meta.error("an option of a field is one word"));
        };
        match key.as_str() {
            "name" => self.name = Some(text(meta, &key)?),
            "label" => self.label = Some(text(meta, &key)?),
            "widget" => self.widget = Some(text(meta, &key)?),
            "description" => self.description = Some(text(meta, &key)?),
            "length" => self.length(meta)?,
            "range" => self.range(meta)?,
            "file_size" => self.file_size(meta)?,
            "trim" => self.trims = alone(meta, "trim")?,
            "email" => self.text_rule(meta, &key, "Email", Some("email"))?,
            "url" => self.text_rule(meta, &key, "Url", Some("url"))?,
            "uuid" => self.text_rule(meta, &key, "Uuid", None)?,
            "mac_address" => self.text_rule(meta, &key, "MacAddress", None)?,
            "ticked" => {
                self.must_be_ticked = true;
                self.text_rule(meta, &key, "Ticked", None)?;
            }
            "readonly" => {
                self.is_read_only = alone(meta, &key)?;
                self.switch("readonly");
            }
            "disabled" => {
                alone(meta, &key)?;
                self.switch("disabled");
                self.rule_for_all(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Disabled));
            }
            "empty" => self.empty = Some(text(meta, &key)?),
            "entries" => self.read_entries(meta)?,
            "file_types" => self.file_types(meta)?,
            "none_of" => self.none_of(meta)?,
            "one_of" => self.one_of(meta)?,
            "choices" if !meta.input.peek(syn::token::Paren) && !meta.input.peek(Token![=]) => self.later(),
            "choices" => self.pairs(meta)?,
            "equal_to" => self.equal_to(meta)?,
            "check" => self.check(meta, ty)?,
            "rule" => self.own_rule(meta)?,
            _ => self.attribute(meta, &key)?,
        }
        Ok(())
    }

    /// A rule of one word, and perhaps the widget that goes with it.
    fn text_rule(&mut self, meta: &ParseNestedMeta<'_>, key: &str, rule: &str, widget: Option<&str>) -> Result<()> {
        alone(meta, key)?;
        let span = meta.path.span();
        let rule = syn::Ident::new(rule, span);
        self.rule(meta, quote_spanned!(span=> ::hipflask::form::#rule));
        if let Some(widget) = widget {
            self.widget.get_or_insert_with(|| LitStr::new(widget, Span::call_site()));
        }
        Ok(())
    }

    /// An attribute without a value.
    fn switch(&mut self, name: &str) {
        self.attributes.push((name.to_owned(), quote!(::std::string::String::new())));
    }

    fn later(&mut self) {
        self.choices_later = true;
        self.widget.get_or_insert_with(|| LitStr::new("select", Span::call_site()));
    }

    fn none_of(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let words: Vec<LitStr> = list(meta, "`none_of` lists strings: `none_of(\"admin\", \"root\")`", word)?;
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::NoneOf(&[#(#words),*])));
        Ok(())
    }

    fn file_types(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let wanted = "`file_types` lists what a name ends in, without the dot: `file_types(\"png\", \"jpg\")`";
        let ends: Vec<LitStr> = list(meta, wanted, word)?;
        if let Some(end) = ends.iter().find(|end| end.value().starts_with('.') || end.value().contains('/')) {
            return Err(Error::new(end.span(), wanted));
        }
        let accept: Vec<String> = ends.iter().map(|end| format!(".{}", end.value())).collect();
        let accept = accept.join(",");
        self.attributes.insert(0, ("accept".to_owned(), quote!(::std::string::ToString::to_string(#accept))));
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::FileTypes(&[#(#ends),*])));
        Ok(())
    }

    fn read_entries(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "entries", "1..=3")?;
        let (low, high) = (or_zero(&min), or_most(&max, &quote!(usize)));
        self.entries = (min, max);
        self.rule_for_all(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Entries { min: #low, max: #high }));
        Ok(())
    }

    /// Attributes that a browser checks and nobody else, where there is an option that the server checks too.
    fn check_attributes(&self, shape: Shape<'_>) -> Result<()> {
        let own = |key: &str| self.own.iter().find(|(name, _)| name == key).map(|(_, span)| *span);
        let has_own_rule = self.rules.iter().any(|rule| !rule.is_for_each && !rule.sees_all);
        let is_list = matches!(shape, Shape::List(_));
        for (key, is_fine, instead) in [
            ("maxlength", false, "only the browser would check it; write `length(..=80)`"),
            ("minlength", false, "only the browser would check it; write `length(2..)`"),
            ("min", false, "only the browser would check it; write `range(1..)`"),
            ("max", false, "only the browser would check it; write `range(..=9)`"),
            ("pattern", has_own_rule, "only the browser would check it; add `check = function`, which the server asks"),
            ("multiple", is_list, "a field with several values is a `Vec`, and needs no attribute"),
        ] {
            if let Some(span) = own(key).filter(|_| !is_fine) {
                return Err(Error::new(span, instead));
            }
        }
        Ok(())
    }

    fn one_of(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let wanted = "`one_of` lists strings: `one_of(\"draft\", \"published\")`";
        let words = list(meta, wanted, |input| word(input).map(|word| (word.clone(), word)))?;
        self.choices(meta, words);
        Ok(())
    }

    fn pairs(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let wanted = "`choices` lists values and labels: `choices(\"a\" = \"First\", \"b\" = \"Second\")`";
        let pair = |input: &ParseBuffer<'_>| {
            let value = input.parse()?;
            input.parse::<Token![=]>()?;
            Ok((value, input.parse()?))
        };
        let pairs = list(meta, wanted, pair)?;
        self.choices(meta, pairs);
        Ok(())
    }

    fn equal_to(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let other = text(meta, "equal_to")?;
        self.rule_for_all(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::EqualTo(#other)));
        self.repeats = Some(other);
        Ok(())
    }

    fn check(&mut self, meta: &ParseNestedMeta<'_>, ty: &Type) -> Result<()> {
        let function: Path = value(meta, "`check` names a function: `check = not_a_weekend`")?;
        // By the closure a `String` can be checked by a function of `&str`.
        let check = quote_spanned!(function.span()=> ::hipflask::form::Check(|value: &#ty| #function(value)));
        self.whole(meta, check);
        Ok(())
    }

    fn own_rule(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let rule: Expr = value(meta, "`rule` is a value that implements `FieldRule`: `rule = NotReserved`")?;
        self.whole(meta, quote!(#rule));
        Ok(())
    }

    /// Every other `key = "value"` is for the HTML.
    fn attribute(&mut self, meta: &ParseNestedMeta<'_>, key: &str) -> Result<()> {
        if let Some(meant) = misspelt(key) {
            return Err(meta.error(format!("a field has no option `{key}`; it has `{meant}`")));
        }
        if matches!(key, "required" | "optional") {
            return Err(meta.error("a field is required unless its type is an `Option`: there is nothing to add"));
        }
        self.own.push((key.to_owned(), meta.path.span()));
        if !meta.input.peek(Token![=]) && matches!(key, "autofocus" | "multiple") {
            self.switch(key);
            return Ok(());
        }
        if !meta.input.peek(Token![=]) {
            return Err(meta.error(format!(
                "a field has no option `{key}`; it has {KNOWN}, and `{key} = \"…\"` would be an attribute of its HTML"
            )));
        }
        let value: Expr = meta.value()?.parse()?;
        self.attributes.push((key.replace('_', "-"), quote!(::std::string::ToString::to_string(&#value))));
        Ok(())
    }

    /// A rule for each value that was filled in, placed at the option that asks for it.
    fn rule(&mut self, meta: &ParseNestedMeta<'_>, rule: TokenStream) {
        self.rules.push(Rule::each(meta.path.span(), rule));
    }

    /// A rule for what was filled in, as a whole.
    fn whole(&mut self, meta: &ParseNestedMeta<'_>, rule: TokenStream) {
        self.rules.push(Rule { is_for_each: false, ..Rule::each(meta.path.span(), rule) });
    }

    /// A rule for the field as a whole, even if it was left empty.
    fn rule_for_all(&mut self, meta: &ParseNestedMeta<'_>, rule: TokenStream) {
        self.rules.push(Rule { is_for_each: false, sees_all: true, ..Rule::each(meta.path.span(), rule) });
    }

    fn choices(&mut self, meta: &ParseNestedMeta<'_>, choices: Vec<(LitStr, LitStr)>) {
        let values = choices.iter().map(|(value, _)| value);
        self.rule_for_all(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::OneOf(&[#(#values),*])));
        self.choices = choices;
        self.widget.get_or_insert_with(|| LitStr::new("select", Span::call_site()));
    }

    fn length(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "length", "1..=80")?;
        let (low, high) = (or_zero(&min), or_most(&max, &quote!(usize)));
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Length { min: #low, max: #high }));
        self.bound_attributes("minlength", min, "maxlength", max);
        Ok(())
    }

    fn range(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "range", "18..=130")?;
        let option = |bound: &Option<TokenStream>| match bound {
            Some(bound) => quote!(::core::option::Option::Some(#bound)),
            None => quote!(::core::option::Option::None),
        };
        let (low, high) = (option(&min), option(&max));
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::Range { min: #low, max: #high }));
        self.bound_attributes("min", min, "max", max);
        Ok(())
    }

    fn file_size(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let (min, max) = bounds(meta, "file_size", "..=2_000_000")?;
        let (low, high) = (or_zero(&min), or_most(&max, &quote!(u64)));
        self.rule(meta, quote_spanned!(meta.path.span()=> ::hipflask::form::FileSize { min: #low, max: #high }));
        Ok(())
    }

    fn bound_attributes(&mut self, low: &str, min: Option<TokenStream>, high: &str, max: Option<TokenStream>) {
        for (name, bound) in [(low, min), (high, max)] {
            self.attributes.extend(bound.map(|bound| (name.to_owned(), quote!(::hipflask::form::field_text(&#bound)))));
        }
    }
}

impl Rule {
    fn each(span: Span, code: TokenStream) -> Rule {
        Rule { span, code, is_for_each: true, sees_all: false }
    }
}

fn word(input: &ParseBuffer<'_>) -> Result<LitStr> {
    input.parse()
}

fn or_zero(min: &Option<TokenStream>) -> TokenStream {
    min.clone().unwrap_or_else(|| quote!(0))
}

fn or_most(max: &Option<TokenStream>, integer: &TokenStream) -> TokenStream {
    max.clone().unwrap_or_else(|| quote!(::core::primitive::#integer::MAX))
}

/// What a text in such a widget must be: a widget alone checks nothing, because a client may send what it likes.
fn rule_of_widget(widget: &LitStr) -> Option<TokenStream> {
    let span = widget.span();
    let reads = |ty: TokenStream| quote_spanned!(span=> ::hipflask::form::ReadsAs::<#ty>::new());
    Some(match widget.value().as_str() {
        "email" => quote_spanned!(span=> ::hipflask::form::Email),
        "url" => quote_spanned!(span=> ::hipflask::form::Url),
        "color" => quote_spanned!(span=> ::hipflask::form::Color),
        "number" | "range" => reads(quote!(::core::primitive::f64)),
        "date" => reads(quote!(::hipflask::form::Date)),
        "time" => reads(quote!(::hipflask::form::Time)),
        "month" => reads(quote!(::hipflask::form::Month)),
        "week" => reads(quote!(::hipflask::form::Week)),
        "datetime-local" => reads(quote!(::hipflask::form::LocalDateTime)),
        _ => return None,
    })
}
