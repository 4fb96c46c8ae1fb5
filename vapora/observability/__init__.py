"""Eyes on what runs: spans told by the log and live ones, and the dashboards and alerts over the metrics.

`spans` folds the log into spans; `otlp` sends them; `live` records what is under way and
carries it from process to process. `dashboards`, `alerts` and `metric_names` are written as code, and `render` writes
them down. OpenTelemetry's SDK is imported in here alone, and only where `VAPORA_OTLP_ENDPOINT` is set.
"""
