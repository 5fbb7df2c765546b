"""Test AUC of bf16 against f32, the same lines and seeds."""

import json


def accuracy(options, inputs):
    train, test = inputs.planted(1_000_000, 1), inputs.planted(200_000, 2)
    aucs = {"f32": [], "bf16": []}
    packages = {precision: inputs.package("ctr_dnn", precision) for precision in aucs}
    for seed in range(1, 6):
        for precision, values in aucs.items():
            summary = options.out / "summary.json"
            inputs.tool("heter", "run", packages[precision], "--data", train, "--test", test, "--batch-size", 512, "--seed", seed,
                        "--threads", options.threads, "--summary", summary)
            values.append(json.loads(summary.read_text())["test"]["auc"])
    difference = sum(aucs["bf16"]) / 5 - sum(aucs["f32"]) / 5
    yield {"what": f"test AUC of bf16 less that of f32, ctr_dnn, {1_000_000:,} planted lines, mean of 5 seeds: {difference:+.5f}; its size",
           "unit": "", "heter": [abs(difference)], "peer": "f32", "peer_values": aucs["f32"], "bf16": aucs["bf16"], "at_most": 0.002}
