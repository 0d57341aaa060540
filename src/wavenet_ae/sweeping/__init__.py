"""Many runs: searches, and what a sweep has shown."""
