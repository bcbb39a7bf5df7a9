//! The word somebody probably meant.

/// The candidate nearest to `word`, where one is near enough to be worth suggesting.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["timeout", "memory", "requirements", "test.backend"];
        assert_eq!(nearest("timout", words), Some("timeout"));
        assert_eq!(nearest("TEST.backnd", words), Some("test.backend"));
        assert_eq!(nearest("requirement", words), Some("requirements"));
        assert_eq!(nearest("zebra", words), None);
        assert_eq!(nearest("x", []), None);
    }
}
