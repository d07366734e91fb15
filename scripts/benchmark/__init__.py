"""The benchmark's suites. `lanes` holds the engines, `contest` times and judges, `works` is what is timed."""
