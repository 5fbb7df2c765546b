"""bench/run's parts: how processes take turns, what each part measures, and the report."""
