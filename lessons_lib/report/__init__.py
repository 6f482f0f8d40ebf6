"""The learner's report: one page and one JSON file of what they predicted, measured and tried, and whether it is unaltered.

Reading order: `canonical`, `embedding`, `verify` (these three need the standard library alone), `plain`, `exercises`,
`measurements`, `shipped`, `content`, `style`, `environment`, `ledger_html`, `sections`, `page`, `files`.
"""
