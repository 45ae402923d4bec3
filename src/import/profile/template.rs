//! Trip ids made of columns and times: `"{@date}/{card}/{station:number}"`.

/// A template, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Part>);

/// A part of a trip id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Stands for itself.
    Text(String),
    /// A column as it is written.
    Column(String),
    /// A column with a whole number, without leading zeros.
    Number(String),
    /// The service date, `YYYY-MM-DD`.
    Date,
    /// The start as local time, `YYYY-MM-DDThh:mm:ss`.
    Start,
    /// The end as local time.
    End,
}

impl Template {
    /// Reads a template; `Err` says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (plain, after) = rest
                .split_once('{')
                .map_or((rest, None), |(plain, after)| (plain, Some(after)));
            if plain.contains('}') {
                return Err(format!("{text:?} closes a brace that it did not open"));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(plain.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| format!("{text:?} opens a brace and does not close it"))?;
            parts.push(part(name)?);
            rest = behind;
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Err("every row would have the same; name a column, such as \"{order}\"".to_owned());
        }
        Ok(Self(parts))
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

fn part(name: &str) -> Result<Part, String> {
    match name {
        "@date" => Ok(Part::Date),
        "@start" => Ok(Part::Start),
        "@end" => Ok(Part::End),
        _ if name.is_empty() || name.starts_with('@') || name.contains('{') => Err(format!(
            "{{{name}}} stands for nothing; there are {{column}}, {{column:number}}, {{@date}}, {{@start}} and {{@end}}"
        )),
        _ => Ok(match name.strip_suffix(":number") {
            Some(column) => Part::Number(column.to_owned()),
            None => Part::Column(name.to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_taken_apart() {
        let parts = Template::parse("{@date}/{card}-{in:number}").unwrap();
        let expected = [
            Part::Date,
            Part::Text("/".into()),
            Part::Column("card".into()),
            Part::Text("-".into()),
            Part::Number("in".into()),
        ];
        assert_eq!(parts.parts(), expected);
        for wrong in ["", "T-1", "{a", "a}", "{}", "{@day}", "{a}}", "{{a}}"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
    }
}
