//! Pages of a result. Flask-SQLAlchemy's `paginate`.

use hipflask::HttpError;
use hipflask::templating::ITERATED;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::query::Query;
use crate::row::FromRow;
use crate::value::SqlValue;

/// Which page is wanted: `?page=2&per_page=50`, as the argument `page: Query<Paging>`. Without them the first
/// page, of 20 rows; at most 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The page, counted from 1; 0 for what is not a page.
    pub page: u64,
    /// How many rows a page has, if that was said.
    pub per_page: Option<u64>,
}

const PER_PAGE: u64 = 20;
const MOST_PER_PAGE: u64 = 100;

impl Default for Paging {
    fn default() -> Paging {
        Paging { page: 1, per_page: None }
    }
}

impl Paging {
    /// Pages of `per_page` rows, if the client asks for no other number.
    #[must_use]
    pub fn or_per_page(self, per_page: u64) -> Paging {
        Paging { per_page: self.per_page.or(Some(per_page)), ..self }
    }
}

/// What is not a number is not a page either, and so a 404, like any other page that does not exist.
impl<'de> Deserialize<'de> for Paging {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Paging, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Paging;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the query of a page")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Paging, A::Error> {
                let mut paging = Paging::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "page" => paging.page = map.next_value::<String>()?.parse().unwrap_or(0),
                        "per_page" => paging.per_page = Some(map.next_value::<String>()?.parse().unwrap_or(0)),
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(paging)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// One page of a result, and its place among the others.
///
/// In a template: `{% for post in posts %}`, `posts.has_next`, `posts.next_num`, `posts.iter_pages()` (numbers, and none
/// for a gap).
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// The page, counted from 1.
    pub page: u64,
    /// How many rows a page has.
    pub per_page: u64,
    /// How many rows there are on all pages.
    pub total: u64,
}

impl<T> Page<T> {
    /// How many pages there are.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(self.per_page)
    }

    /// The page after this one.
    pub fn next_num(&self) -> Option<u64> {
        (self.page < self.pages()).then_some(self.page + 1)
    }

    /// The page before this one.
    pub fn prev_num(&self) -> Option<u64> {
        (self.page > 1).then(|| self.page - 1)
    }

    /// The number of its first row among those of all pages, counted from 1; 0 if there is none.
    pub fn first(&self) -> u64 {
        if self.items.is_empty() { 0 } else { (self.page - 1) * self.per_page + 1 }
    }

    /// The number of its last row among those of all pages.
    pub fn last(&self) -> u64 {
        (self.first() + self.items.len() as u64).saturating_sub(1)
    }

    /// The pages to link to: two at either end, two before and four after this one, and `None` for a gap.
    pub fn iter_pages(&self) -> Vec<Option<u64>> {
        let (page, last) = (self.page, self.pages());
        let near = page.saturating_sub(2).max(3)..=page.saturating_add(4).min(last.saturating_sub(2));
        let pages = (1..=last.min(2)).chain(near).chain(last.saturating_sub(1).max(3)..=last);
        let mut shown: Vec<Option<u64>> = Vec::new();
        for page in pages {
            let gap = shown.last().is_some_and(|before| before.is_some_and(|before| before + 1 < page));
            shown.extend(gap.then_some(None));
            shown.push(Some(page));
        }
        shown
    }
}

impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct(ITERATED, 12)?;
        out.serialize_field("items", &self.items)?;
        out.serialize_field("page", &self.page)?;
        out.serialize_field("per_page", &self.per_page)?;
        out.serialize_field("total", &self.total)?;
        out.serialize_field("pages", &self.pages())?;
        out.serialize_field("first", &self.first())?;
        out.serialize_field("last", &self.last())?;
        out.serialize_field("has_prev", &self.prev_num().is_some())?;
        out.serialize_field("has_next", &self.next_num().is_some())?;
        out.serialize_field("prev_num", &self.prev_num())?;
        out.serialize_field("next_num", &self.next_num())?;
        out.serialize_field("iter_pages", &self.iter_pages())?;
        out.end()
    }
}

/// Counts the rows and reads those of one page.
pub(crate) async fn load<T: FromRow>(query: Query<'_>, paging: Paging) -> hipflask::Result<Page<T>> {
    let per_page = paging.per_page.unwrap_or(PER_PAGE).min(MOST_PER_PAGE);
    if paging.page == 0 || per_page == 0 {
        return Err(HttpError::new(404).into());
    }
    let (mut target, sql, values) = query.into_parts();
    let sql = target.without_end(&sql);
    let count =
        Query::new(target.reborrow(), format!("SELECT COUNT(*) FROM ({sql}) AS counted")).with_values(values.clone());
    let total = count.scalar::<u64>().await?;
    let offset = (paging.page - 1).checked_mul(per_page).and_then(|offset| i64::try_from(offset).ok());
    let Some(offset) = offset.filter(|offset| *offset == 0 || offset.unsigned_abs() < total) else {
        return Err(HttpError::new(404).into());
    };
    let limit = i64::try_from(per_page).unwrap_or(i64::MAX);
    let values = values.into_iter().chain([SqlValue::Int(limit), SqlValue::Int(offset)]).collect();
    let items = Query::new(target, format!("{sql}\nLIMIT ? OFFSET ?")).with_values(values).all().await?;
    Ok(Page { items, page: paging.page, per_page, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: u64, total: u64) -> Page<()> {
        let before = (page - 1) * 10;
        let items = vec![(); usize::try_from(total.saturating_sub(before).min(10)).unwrap_or_default()];
        Page { items, page, per_page: 10, total }
    }

    #[test]
    fn links_leave_gaps() {
        let shown = |page: Page<()>| {
            page.iter_pages().into_iter().map(|p| p.map_or("…".into(), |p| p.to_string())).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(page(1, 35)), "1 2 3 4");
        assert_eq!(shown(page(10, 200)), "1 2 … 8 9 10 11 12 13 14 … 19 20");
        assert_eq!(shown(page(1, 0)), "");
    }

    #[test]
    fn neighbours() {
        assert_eq!((page(1, 11).prev_num(), page(1, 11).next_num()), (None, Some(2)));
        assert_eq!((page(2, 11).prev_num(), page(2, 11).next_num()), (Some(1), None));
        let rows = |page: Page<()>| (page.first(), page.last());
        assert_eq!([rows(page(1, 11)), rows(page(2, 11)), rows(page(1, 0))], [(1, 10), (11, 11), (0, 0)]);
    }
}
