//! Lines of the table of kernels, with comparable statistics of different drivers in columns.

use serde_json::Value;

/// The columns of statistics, each with drivers' words for it. Names with a word after a minus are excluded.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("registers", &["register", "vgprs", "-spill", "-live"]),
    ("stack", &["stack", "local memory", "scratch"]),
    ("spill", &["spill"]),
    ("size", &["binary size", "code size"]),
    ("occupancy", &["occupancy", "warps", "waves", "subgroups per"]),
];

/// The heading of the table.
pub fn heading() -> String {
    let columns = COLUMNS.map(|(name, _)| name);
    line("kernel", "seconds", &columns, "result")
}

/// The line of case `name`, with its `outcome`, and its `result` if it ended.
pub fn of_kernel(name: &str, outcome: &str, result: Option<&Value>) -> String {
    let seconds = result.and_then(|result| result["compile_seconds"].as_f64());
    let seconds = seconds.map_or_else(none, |seconds| format!("{seconds:.2}"));
    let columns = COLUMNS.map(|(_, words)| result.map_or_else(none, |result| column(&result["statistics"], words)));
    line(name, &seconds, &columns.each_ref().map(String::as_str), outcome)
}

fn line(name: &str, seconds: &str, columns: &[&str], outcome: &str) -> String {
    let columns: String = columns.iter().map(|column| format!(" {column:>9}")).collect();
    format!("{name:<36} {seconds:>7}{columns}  {outcome}")
}

fn none() -> String {
    "-".to_string()
}

/// The largest statistic with one of `words` in its name.
fn column(statistics: &Value, words: &[&str]) -> String {
    let wanted = |name: &str| {
        let name = name.to_lowercase();
        let (not, any): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with('-'));
        any.iter().any(|word| name.contains(word)) && !not.iter().any(|word| name.contains(&word[1..]))
    };
    let all = statistics.as_object().into_iter().flatten();
    let values = all.filter(|(name, _)| wanted(name)).filter_map(|(_, value)| value.as_f64());
    values.reduce(f64::max).map_or_else(none, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statistics_of_different_drivers_stand_in_the_same_columns() {
        let nvidia = json!({ "Register Count": 168, "Binary Size": 63_104, "Stack Size": 0, "Local Memory Size": 16 });
        let radv = json!({
            "SGPRs": 108, "VGPRs": 128, "Spilled SGPRs": 3, "Spilled VGPRs": 0, "Code size": 25_000, "Scratch size": 0,
            "Subgroups per SIMD": 8,
        });
        let columns = |statistics: &Value| COLUMNS.map(|(_, words)| column(statistics, words));
        assert_eq!(columns(&nvidia), ["168", "16", "-", "63104", "-"]);
        assert_eq!(columns(&radv), ["128", "0", "3", "25000", "8"]);
        assert_eq!(columns(&Value::Null), ["-"; 5]);
    }

    #[test]
    fn a_case_that_did_not_end_has_a_line_all_the_same() {
        let line = of_kernel("evaluate-1.3-bare", "SIGSEGV in vkCreateComputePipelines", None);
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..7], ["evaluate-1.3-bare", "-", "-", "-", "-", "-", "-"]);
        assert!(line.ends_with("  SIGSEGV in vkCreateComputePipelines"), "{line}");
    }
}
