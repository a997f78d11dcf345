//! `#[derive(Choices)]`

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Variant};

use crate::Expanded;
use crate::form::syntax::text;

/// A variant as a choice.
struct Choice {
    variant: Ident,
    value: LitStr,
    label: LitStr,
    group: Option<LitStr>,
}

pub(crate) fn expand(input: TokenStream) -> Expanded {
    let input: DeriveInput = syn::parse2(input)?;
    let choices = read(&input)?;
    let name = &input.ident;
    let variants: Vec<&Ident> = choices.iter().map(|choice| &choice.variant).collect();
    let values: Vec<&LitStr> = choices.iter().map(|choice| &choice.value).collect();
    let described = choices.iter().map(|Choice { value, label, group, .. }| {
        let group = group.as_ref().map(|group| quote!(.in_group(#group)));
        quote!(::hipflask::form::Choice::new(#value, #label)#group)
    });
    Ok(quote! {
        impl ::hipflask::form::FromField for #name {
            const WIDGET: &'static str = "select";

            fn from_field(
                sent: &::hipflask::form::Sent<'_>,
            ) -> ::core::result::Result<Self, ::hipflask::form::FieldError> {
                match sent.text().unwrap_or_default() {
                    #(#values => ::core::result::Result::Ok(#name::#variants),)*
                    "" => ::core::result::Result::Err(::hipflask::form::FieldError::Required),
                    _ => ::core::result::Result::Err(::hipflask::form::FieldError::NotAChoice),
                }
            }

            fn to_field(&self, values: &mut ::hipflask::form::FieldValues) {
                values.text(match self {
                    #(#name::#variants => #values,)*
                });
            }

            fn describe(field: &mut ::hipflask::form::Field) {
                if field.choices.is_empty() {
                    field.choices = ::std::vec![#(#described),*];
                }
            }
        }
    })
}

/// What replaces the derive where it failed, so that a form with such a field is not reported as well.
pub(crate) fn standing_in(input: TokenStream) -> TokenStream {
    let Ok(input) = syn::parse2::<DeriveInput>(input) else { return TokenStream::new() };
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let name = &input.ident;
    quote! {
        impl ::hipflask::form::FromField for #name {
            fn from_field(
                _: &::hipflask::form::Sent<'_>,
            ) -> ::core::result::Result<Self, ::hipflask::form::FieldError> {
                ::core::result::Result::Err(::hipflask::form::FieldError::NotAChoice)
            }

            fn to_field(&self, _: &mut ::hipflask::form::FieldValues) {}
        }
    }
}

fn read(input: &DeriveInput) -> Result<Vec<Choice>> {
    const WANTED: &str = "`#[derive(Choices)]` is for an enum: each of its variants is a choice";
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "choices cannot be generic"));
    }
    let Data::Enum(data) = &input.data else { return Err(Error::new(input.ident.span(), WANTED)) };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "there must be something to choose from"));
    }
    let choices = data.variants.iter().map(choice).collect::<Result<Vec<_>>>()?;
    let mut seen = HashSet::new();
    match choices.iter().find(|choice| !seen.insert(choice.value.value())) {
        None => Ok(choices),
        Some(twice) => {
            let message =
                format!("another choice is sent as {:?} too; give one of them `value = \"…\"`", twice.value.value());
            Err(Error::new(twice.value.span(), message))
        }
    }
}

fn choice(variant: &Variant) -> Result<Choice> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(variant, "a choice has nothing inside it: it is sent as one word"));
    }
    let (mut value, mut label, mut group) = (None, None, None);
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
        attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let option = match key.as_str() {
                "value" => &mut value,
                "label" => &mut label,
                "group" => &mut group,
                _ => return Err(meta.error("a choice has `value`, `label` and `group`: `#[choice(label = \"…\")]`")),
            };
            *option = Some(text(&meta, &key)?);
            Ok(())
        })?;
    }
    if let Some(empty) =
        value.as_ref().filter(|value| value.value().trim() != value.value() || value.value().is_empty())
    {
        return Err(Error::new(
            empty.span(),
            "the empty choice is that of an `Option`; a value is not blank, and has no blanks around it",
        ));
    }
    let words = words(&variant.ident);
    let own = |text: String| LitStr::new(&text, variant.ident.span());
    Ok(Choice {
        variant: variant.ident.clone(),
        value: value.unwrap_or_else(|| own(words.to_lowercase().replace(' ', "_"))),
        label: label.unwrap_or_else(|| own(words)),
        group,
    })
}

/// `Extra large` for `ExtraLarge`.
fn words(variant: &Ident) -> String {
    use syn::ext::IdentExt;
    let mut words = String::new();
    for c in variant.unraw().to_string().chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(c.to_lowercase());
        } else {
            words.push(if c == '_' { ' ' } else { c });
        }
    }
    words
}
