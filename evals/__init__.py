"""Is it ready, right, fast and safe: exams (`make exam`) and benchmarks (`make bench`)."""
