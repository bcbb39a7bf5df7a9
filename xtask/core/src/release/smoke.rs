//! What a new pod has to answer before it gets requests.

use serde_json::Value;

use super::plan::Smoke;
use crate::kubectl::scrape::Miss;

/// Whether an answer is the one that is wanted: why not, in words. `None` where the pod could not be asked, which says nothing
/// about it.
pub fn judge(wanted: &Smoke, answer: &Result<Vec<u8>, Miss>) -> Option<Result<(), String>> {
    let path = &wanted.path;
    let (status, body) = match answer {
        Ok(body) => (200, body.as_slice()),
        Err(Miss::Refused(status)) => (*status, [].as_slice()),
        Err(miss) if miss.is_of_the_pod() => return Some(Err(format!("`GET {path}`: {miss}"))),
        Err(_) => return None,
    };
    if status != wanted.status {
        return Some(Err(format!("`GET {path}` answers {status}, and should answer {}", wanted.status)));
    }
    let Some(field) = &wanted.field else { return Some(Ok(())) };
    let found: Option<Value> = serde_json::from_slice(body).ok();
    let found =
        found.as_ref().and_then(|found| field.split('.').try_fold(found, |value, key| value.get(key)));
    Some(match (found, &wanted.value) {
        (None, _) => Err(format!("`GET {path}` answers without a `{field}`")),
        (Some(found), Some(value)) if text(found) != *value => {
            Err(format!("`GET {path}` answers with `{field}` = `{}`, and not `{value}`", text(found)))
        }
        (Some(_), _) => Ok(()),
    })
}

/// A value as people write it: a text without its quotes.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_well_unwell_or_none() {
        let plain = |status: u16| Smoke { path: "/ready".to_owned(), status, field: None, value: None };
        let field = |name: &str, value: Option<&str>| Smoke {
            field: Some(name.to_owned()),
            value: value.map(str::to_owned),
            ..plain(200)
        };
        let json = Ok(br#"{"status": "ready", "checks": {"database": true}}"#.to_vec());
        let said = |smoke: &Smoke, answer: &Result<Vec<u8>, Miss>| match judge(smoke, answer) {
            None => "nobody knows".to_owned(),
            Some(Ok(())) => "well".to_owned(),
            Some(Err(words)) => words,
        };
        let lines = [
            said(&plain(200), &json),
            said(&plain(204), &json),
            said(&plain(503), &Err(Miss::Refused(503))),
            said(&plain(200), &Err(Miss::Refused(503))),
            said(&plain(200), &Err(Miss::Deaf)),
            said(&plain(200), &Err(Miss::NoWay)),
            said(&plain(200), &Err(Miss::Forbidden)),
            said(&field("status", Some("ready")), &json),
            said(&field("status", Some("well")), &json),
            said(&field("checks.database", Some("true")), &json),
            said(&field("checks.cache", None), &json),
            said(&field("status", None), &Ok(b"<html>".to_vec())),
        ];
        expect_test::expect![[r#"
            well
            `GET /ready` answers 200, and should answer 204
            well
            `GET /ready` answers 503, and should answer 200
            `GET /ready`: it does not answer on that port
            nobody knows
            nobody knows
            well
            `GET /ready` answers with `status` = `ready`, and not `well`
            well
            `GET /ready` answers without a `checks.cache`
            `GET /ready` answers without a `status`"#]]
        .assert_eq(&lines.join("\n"));
    }
}
