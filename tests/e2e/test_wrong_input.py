"""Wrong input of every kind: each gets one sentence that names the place and the mend, and an exit code; never a crash.

A case is a command line, run in one folder of small files, and exactly what it must say. Exit code 2 is for a wrong
command line, 1 for everything else.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest

import e2e

MODEL = """model small

slots : id[26]
click : label

table emb { dim: 2, init: uniform(0.1), optimizer: adagrad(lr: 0.05) }

x = flatten(lookup(emb, slots))
on heter { logit = linear(x, 1) }
minimize mean(sigmoid_cross_entropy(logit, click)) with adam(lr: 1e-3)
report auc(sigmoid(logit), click)
predict sigmoid(logit)

data criteo : tsv {
  click = col[0]
  slots = hash(col[14..39])
}
"""

CLUSTER = {"coordinator": "127.0.0.1:27791", "servers": ["127.0.0.1:0"], "cpu-trainers": ["127.0.0.1:0"],
           "heter-trainers": {"heter": ["127.0.0.1:0"]}}
CLUSTERS = {
    "good": {},
    "no-class": {"heter-trainers": None},
    "near-class": {"heter-trainers": {"hetr": ["127.0.0.1:0"]}},
    "other-class": {"heter-trainers": {"heter": ["127.0.0.1:0"], "fpga": ["127.0.0.1:0"]}},
    "near-field": {"server": ["127.0.0.1:0"]},
    "field": {"workers": ["127.0.0.1:0"]},
    "no-port": {"servers": ["localhost"]},
    "large-port": {"servers": ["127.0.0.1:0", "127.0.0.1:65536"]},
    "named-port": {"heter-trainers": {"heter": ["127.0.0.1:http"]}},
    "same": {"servers": ["127.0.0.1:27791"]},
    "none": {"servers": []},
    "missing": {"servers": None},
    "text": {"servers": "127.0.0.1:0"},
    "port-0": {"coordinator": "127.0.0.1:0"},
    "elsewhere": {"coordinator": "192.0.2.1:27791"},
}

RUN = "heter run small.pkg --data clicks.tsv "
ROLE = "heter run small.pkg --data clicks.tsv --role "

# (command line, exit code, what standard error says behind "TOOL: error: ")
LINES = [
    ("heter rum", 2, "there is no command `rum`; did you mean `run`?"),
    ("heter fly", 2, "there is no command `fly`"),
    ("heter help rnu", 2, "there is no command `rnu`; did you mean `run`?"),
    ("heter --verison", 2, "there is no flag `--verison`; did you mean `--version`?"),
    ("heter data", 2, "a command is missing: heter data has synth"),
    ("heter data syth", 2, "there is no command `syth`; did you mean `synth`?"),
    ("heter run", 2, "PKG is missing: A package written by heterc"),
    ("heter run small.pkg", 2, "--data FILES.. is missing: Training files or patterns, read in this order"),
    ("heter run --data clicks.tsv", 2, "PKG is missing: A package written by heterc"),
    ("heter run small.pkg --data", 2, "`--data` wants a value: FILES.."),
    ("heter run small.pkg --data ''", 2, "`--data` wants a value: FILES.."),
    (RUN + "--epoch 3", 2, "there is no flag `--epoch`; did you mean `--epochs`?"),
    (RUN + "-epochs 3", 2, "there is no flag `-epochs`; did you mean `--epochs`?"),
    (RUN + "--gpus 3", 2, "there is no flag `--gpus`"),
    (RUN + "--epochs", 2, "`--epochs` wants a value: N"),
    (RUN + "--epochs --seed 1", 2, "`--epochs` wants a value: N"),
    (RUN + "--epochs 1 --epochs 2", 2, "`--epochs` is given twice"),
    (RUN + "--epochs 1.5", 2, "--epochs: expected a whole number of at least 1, got `1.5`"),
    (RUN + "--epochs 0", 2, "--epochs: expected a whole number of at least 1, got `0`"),
    (RUN + "--batch-size 0", 2, "--batch-size: expected a whole number from 1 to 16777216, got `0`"),
    (RUN + "--batch-size -3", 2, "--batch-size: expected a whole number from 1 to 16777216, got `-3`"),
    (RUN + "--batch-size 1e3", 2, "--batch-size: expected a whole number from 1 to 16777216, got `1e3`"),
    (RUN + "--batch-size 99999999999", 2, "--batch-size: expected a whole number from 1 to 16777216, got `99999999999`"),
    (RUN + "--micro-batches 2000000000", 2, "--micro-batches: expected a whole number from 1 to 65536, got `2000000000`"),
    (RUN + "--in-flight 1000000", 2, "--in-flight: expected a whole number from 1 to 4096, got `1000000`"),
    (RUN + "--threads 100000", 2, "--threads: expected a whole number from 1 to 1024, got `100000`"),
    (RUN + "--servers 100000", 2, "--servers: expected a whole number from 1 to 1024, got `100000`"),
    (RUN + "--cpu-trainers 0", 2, "--cpu-trainers: expected a whole number from 1 to 1024, got `0`"),
    (RUN + "--seed -1", 2, "--seed: expected a whole number of at least 0, got `-1`"),
    (RUN + "--seed 99999999999999999999", 2, "--seed: expected a whole number of at least 0, got `99999999999999999999`"),
    (RUN + "--max-examples -1", 2, "--max-examples: expected a whole number of at least 0, got `-1`"),
    (RUN + "--update asinc", 2, "--update: expected sync, half-async or async, got `asinc`; did you mean `async`?"),
    (RUN + "--update geo", 2, "--update: expected sync, half-async or async, got `geo`"),
    (RUN + "--lines 5", 2, "--lines: expected lines A:B with 1 <= A <= B, got `5`"),
    (RUN + "--lines 5:2", 2, "--lines: expected lines A:B with 1 <= A <= B, got `5:2`"),
    (RUN + "--lines 0:2", 2, "--lines: expected lines A:B with 1 <= A <= B, got `0:2`"),
    (RUN + "--test-lines 1:2", 2, "--test-lines needs --test FILES.."),
    (RUN + "--poison-freed=1", 2, "`--poison-freed` takes no value"),
    (RUN + "--heter-trainers heter=0", 2, "--heter-trainers: expected N or CLASS=N with N from 1 to 1024, got `heter=0`"),
    (RUN + "--heter-trainers heter=1,heter=2", 2, "--heter-trainers says the number of class `heter` twice"),
    (RUN + "--device cpu", 2, "--device: expected CLASS=DEVICE, for example heter=cpu or gpu=timed:20ms, got `cpu`"),
    (RUN + "--device heter=cpu,heter=separate", 2, "--device says twice what runs class `heter`"),
    (RUN + "--role server", 2, "--role needs --cluster FILE"),
    (RUN + "--cluster good.json", 2, "--cluster needs --role ROLE"),
    (RUN + "--index 1", 2, "--index needs --role ROLE"),
    (ROLE + "server --cluster good.json --index -1", 2, "--index: expected a whole number of at least 0, got `-1`"),
    ("heter run small.pkg other.pkg --data clicks.tsv", 2, "`other.pkg` is one argument too many"),
    ("heter launch small.pkg --data clicks.tsv --role server", 2, "there is no flag `--role`"),
    ("heter predict small.pkg --data clicks.tsv --out x", 2,
     "--load DIR|FILE is missing: The saved model, or export of one, to predict with"),
    ("heter predict small.pkg --data clicks.tsv --load model --out x --labels non", 2,
     "--labels: expected auto, present or absent, got `non`"),
    ("heter predcit small.pkg", 2, "there is no command `predcit`; did you mean `predict`?"),
    ("heter inspect", 2, "PKG is missing: A package written by heterc"),
    ("heter dump", 2, "DIR is missing: A folder written by --save"),
    ("heter dump model --aut x", 2, "there is no flag `--aut`; did you mean `--out`?"),
    ("heter data synth --examples 10", 2, "--out FILE is missing: The file to write"),
    ("heter data synth --examples ten --out x", 2, "--examples: expected a whole number of at least 1, got `ten`"),
    ("heter --completion fish", 2, "--completion: expected bash or zsh, got `fish`"),
    ("heterc small.heter", 2, "-o PKG is missing: The folder to write; a package that is there is replaced"),
    ("heterc -o x.pkg", 2, "FILE is missing: A model, NAME.heter, or a dump of a stage, NAME.mlir"),
    ("heterc small.heter -o", 2, "`-o` wants a value: PKG"),
    ("heterc small.heter -o ''", 2, "`-o` wants a value: PKG"),
    ("heterc small.heter other.heter -o x.pkg", 2, "`other.heter` is one argument too many"),
    ("heterc small.heter -o x.pkg -o y.pkg", 2, "`-o` is given twice"),
    ("heterc small.heter -o x.pkg --mode=heter", 2,
     "--mode: expected local, ps or heter-ps, got `heter`"),
    ("heterc small.heter -o x.pkg --mode=pss", 2,
     "--mode: expected local, ps or heter-ps, got `pss`; did you mean `ps`?"),
    ("heterc small.heter -o x.pkg --mod=ps", 2, "there is no flag `--mod`; did you mean `--mode`?"),
    ("heterc small.heter -o x.pkg --explain=yes", 2, "`--explain` takes no value"),
    ("heterc small.heter -o x.pkg -O2", 2, "there is no flag `-O2`"),
    ("heterc small.heter -o x.pkg --dump-ir=", 2, "`--dump-ir` wants a value: DIR"),
]

PATHS = [
    ("heter run smal.pkg --data clicks.tsv", 1, "there is no package `smal.pkg`; did you mean `small.pkg`?"),
    ("heter run '' --data clicks.tsv", 1, "the name of a package is empty"),
    ("heter run small.heter --data clicks.tsv", 1,
     "`small.heter` is a model; compile it first: heterc small.heter -o small.pkg"),
    ("heter run clicks.tsv --data clicks.tsv", 1, "`clicks.tsv` is a file; a package is the folder that heterc writes"),
    ("heter run folder --data clicks.tsv", 1,
     "`folder` is no package, for it has no manifest.json; make one with `heterc MODEL.heter -o folder`"),
    ("heter run model --data clicks.tsv", 1,
     "`model` is a saved model, no package; give the package it was trained with, and the model with --load"),
    ("heter run small.pkg --data click.tsv", 1, "there is no data file `click.tsv`; did you mean `clicks.tsv`?"),
    ("heter run small.pkg --data 'day-*.tsv'", 1, "no data file matches `day-*.tsv`"),
    ("heter run small.pkg --data folder", 1, "--data: `folder` is a folder; name its files, as in 'folder/*'"),
    ("heter run small.pkg --data small.pkg", 1, "--data: `small.pkg` is a package, no data file"),
    ("heter run small.pkg --data model", 1, "--data: `model` is a saved model, no data file"),
    ("heter run small.pkg --data empty.tsv", 1, "cpu-trainer 0: no examples: empty.tsv holds no line"),
    (RUN + "--lines 100:200", 1, "cpu-trainer 0: no examples: clicks.tsv ends before line 100"),
    (RUN + "--test empty.tsv", 1, "--test: no examples: empty.tsv holds no line"),
    (RUN + "--test clicks.tsv --test-lines 100:200", 1, "--test: no examples: clicks.tsv ends before line 100"),
    (RUN + "--test notes.txt", 1,
     "--test: notes.txt:1:1: expected at least 40 columns separated by tabs, got 1"),
    (RUN + "--input crite", 1, "model `small` has no data binding `crite`; did you mean `criteo`?"),
    (RUN + "--input log", 1, "model `small` has no data binding `log`; it has `criteo`"),
    (RUN + "--load modl", 1, "there is no saved model `modl`; did you mean `model`?"),
    (RUN + "--load folder", 1, "no model was saved in `folder`: there is no manifest.json"),
    (RUN + "--load clicks.tsv", 1, "`clicks.tsv` is a file; a saved model is the folder that --save writes"),
    (RUN + "--load small.pkg", 1,
     "`small.pkg` is a package, no saved model; --save DIR of `heter run` writes one"),
    ("heter run lr.pkg --data clicks.tsv --load model", 1,
     "server 0: model: the saved model does not fit: it has no table `weight`"),
    (RUN + "--save notes.txt", 1, "--save: `notes.txt` is a file; give a folder"),
    (RUN + "--save notes.txt/x", 1, "--save: cannot create folder `notes.txt/x`: Not a directory"),
    (RUN + "--save small.pkg", 1, "--save: `small.pkg` is a package; give the model a folder of its own"),
    (RUN + "--save /proc/x", 1, "--save: cannot create folder `/proc/x`: No such file or directory"),
    (RUN + "--summary folder", 1, "--summary: `folder` is a folder; give a file in it"),
    (RUN + "--losses notes.txt/x", 1, "--losses: cannot create `notes.txt/x.partial`: Not a directory"),
    (RUN + "--losses clicks.tsv", 1, "--losses: `clicks.tsv` is also a data file; give another file"),
    (RUN + "--test notes.txt --summary notes.txt", 1, "--summary: `notes.txt` is also a test file; give another file"),
    (RUN + "--summary x --losses x", 1, "--losses: `x` is also what --summary writes; give another file"),
    (RUN + "--device hetr=cpu", 1, "--device: model `small` has no class `hetr`; did you mean `heter`?"),
    (RUN + "--device fpga=cpu", 1, "--device: model `small` has no class `fpga`; it has `heter`"),
    (RUN + "--device heter=cpuu", 1,
     "--device heter=cpuu: there is no device `cpuu`; there are cpu, separate and timed:TIME; did you mean `cpu`?"),
    (RUN + "--device heter=cuda", 1,
     "--device heter=cuda: device `cuda` is not supported yet; there are cpu, separate and timed:TIME"),
    (RUN + "--device heter=timed:x", 1,
     "--device heter=timed:x: `x` is no time; write a number and us, ms, s or min, as in 20ms"),
    (RUN + "--row-cache 64MiB", 1,
     "--row-cache: no heter-trainer of model `small` looks a table up, so there are no rows to keep; leave the flag out, "
     "or put a lookup of the model in a block like `on heter { .. }`"),
    (ROLE + "heter-trainer.heter --cluster good.json --row-cache 64MiB", 1,
     "--row-cache: no heter-trainer of model `small` looks a table up, so there are no rows to keep; leave the flag out, "
     "or put a lookup of the model in a block like `on heter { .. }`"),
    ("heter run local.pkg --data clicks.tsv --row-cache 256MiB", 1,
     "--row-cache: the package is compiled with --mode=local, so no heter-trainer is there to keep rows; leave the flag "
     "out, or compile a model that looks tables up in a block like `on heter { .. }` with --mode=heter-ps"),
    ("heter launch lr.pkg --data clicks.tsv --row-cache 1MiB", 1,
     "--row-cache: the package is compiled with --mode=ps, so no heter-trainer is there to keep rows; leave the flag "
     "out, or compile a model that looks tables up in a block like `on heter { .. }` with --mode=heter-ps"),
    (RUN + "--heter-trainers gpu=1", 1, "--heter-trainers: model `small` has no class `gpu`; it has `heter`"),
    ("heter launch local.pkg --data clicks.tsv", 1,
     "`local.pkg` is compiled for one process; use `heter run`, or compile it with --mode=ps or --mode=heter-ps"),
    ("heter launch small.pkg --data clicks.tsv --run-folder notes.txt", 1,
     "--run-folder: `notes.txt` is a file; give a folder of its own"),
    ("heter launch small.pkg --data clicks.tsv --run-folder model", 1,
     "--run-folder: `model` is a saved model; give a folder of its own"),
    ("heter launch small.pkg --data notes.txt", 1,
     "cpu-trainer 0: notes.txt:1:1: expected at least 40 columns separated by tabs, got 1"),
    ("heter inspect small.pkg --role servr", 1,
     "the package has no role `servr`; its roles are cpu-trainer, heter-trainer.heter, server; did you mean `server`?"),
    ("heter inspect model", 1,
     "`model` is a saved model, no package; give the package it was trained with, and the model with --load"),
    ("heter inspect newer.pkg", 1,
     "`newer.pkg/manifest.json` has package format 99, this program reads 5; compile the model again"),
    ("heter run other-cpu.pkg --data clicks.tsv", 1,
     "`other-cpu.pkg` holds no kernels for this processor, kernels-cpu-x86-64-v3.so; compile the model again"),
    ("heter run mixed.pkg --data clicks.tsv", 1,
     "`mixed.pkg/cpu-trainer.program` is not the file that heterc wrote: it was edited, damaged or cut short; compile the "
     "model again"),
    ("heter run short.pkg --data clicks.tsv", 1,
     "cannot open `short.pkg/server.program`: No such file or directory"),
    ("heter predict small.pkg --data clicks.tsv --load folder --out x", 1,
     "no model was saved in `folder`: there is no manifest.json"),
    ("heter predict small.pkg --data folder --load model --out x", 1,
     "--data: `folder` is a folder; name its files, as in 'folder/*'"),
    ("heter predict small.pkg --data clicks.tsv --load model --out folder", 1,
     "--out: `folder` is a folder; name a file in it"),
    ("heter dump small.pkg", 1,
     "`small.pkg` is a package, no saved model; --save DIR of `heter run` writes one"),
    ("heter dump folder", 1, "no model was saved in `folder`: there is no manifest.json"),
    ("heter dump model --out folder", 1, "cannot create `folder`: Is a directory"),
    ("heter dump model --out /dev/full", 1, "cannot write `/dev/full`: No space left on device"),
    ("heter data synth --examples 10 --out folder", 1, "cannot create `folder`: Is a directory"),
    ("heter data synth --examples 10 --out /dev/full", 1, "cannot write `/dev/full`: No space left on device"),
    ("heterc smal.heter -o x.pkg", 1, "there is no file `smal.heter`; did you mean `small.heter`?"),
    ("heterc folder -o x.pkg", 1, "`folder` is a folder; give a model (NAME.heter) or a dump (NAME.mlir)"),
    ("heterc small.pkg -o x.pkg", 1,
     "`small.pkg` is a package, which is compiled already; give the model it was made from"),
    ("heterc clicks.tsv -o x.pkg", 1, "cannot read clicks.tsv: it is no model, which begins with `model NAME`"),
    ("heterc notes.txt -o x.pkg", 1, "cannot read notes.txt: it is no model, which begins with `model NAME`"),
    ("heterc net.py -o x.pkg", 1, "cannot read net.py: it is no model, which begins with `model NAME`"),
    ("heterc good.json -o x.pkg", 1, "cannot read good.json: it is no model, which begins with `model NAME`"),
    ("heterc binary.heter -o x.pkg", 1, "cannot read binary.heter: it is no text: byte 0 in line 2"),
    ("heterc marked.heter -o x.pkg", 1,
     "cannot read marked.heter: it begins with a byte-order mark; save it as UTF-8 without one"),
    ("heterc other.mlir -o x.pkg", 1,
     "`other.mlir` is no dump of a stage: it has no nn.stage; `heterc MODEL.heter --dump-ir=DIR` writes dumps"),
    ("heterc small.heter -o notes.txt", 1,
     "cannot write a package to notes.txt: something else is there; give another -o or remove it"),
    ("heterc small.heter -o model", 1,
     "cannot write a package to model: something else is there; give another -o or remove it"),
    ("heterc small.heter -o .", 1, "cannot write a package to .: something else is there; give another -o or remove it"),
    ("heterc small.heter -o notes.txt/x.pkg", 1, "cannot write a package to notes.txt/x.pkg: FOLDER/notes.txt is no folder"),
    ("heterc small.heter -o x.pkg --dump-ir=notes.txt", 1, "--dump-ir: cannot make the folder `notes.txt`: Not a directory"),
    ("heterc small.heter -o x.pkg --dump-ir=/proc/x", 1,
     "--dump-ir: cannot make the folder `/proc/x`: No such file or directory"),
]

CLUSTER_CASES = [
    (ROLE + "coordinator --cluster god.json", 1, "there is no cluster file `god.json`; did you mean `good.json`?"),
    (ROLE + "coordinator --cluster folder", 1, "cannot read `folder`: Is a directory"),
    (ROLE + "coordinatr --cluster good.json", 1,
     "the cluster has no role `coordinatr`; did you mean `coordinator`?"),
    (ROLE + "heter-trainer --cluster good.json", 1,
     "the cluster has no role `heter-trainer`; it has coordinator, cpu-trainer, heter-trainer.heter, server"),
    (ROLE + "server --index 3 --cluster good.json", 1,
     "the cluster has 1 of role `server`, counted from 0, so there is no index 3"),
    (ROLE + "coordinator --index 1 --cluster good.json", 1, "--index: there is one coordinator, its index is 0"),
    ("heter run local.pkg --data clicks.tsv --role server --cluster good.json", 1,
     "good.json: the package is compiled for one process (mode local); compile it with --mode=ps or --mode=heter-ps to run "
     "it as a cluster"),
    ("heter run lr.pkg --data clicks.tsv --role server --cluster good.json", 1,
     "good.json: the cluster has heter-trainers, but the package has none (mode ps); compile it with --mode=heter-ps, or "
     "leave them out"),
    (ROLE + "server --cluster no-class.json", 1,
     "no-class.json: the cluster has no heter-trainers of class 'heter', which the package needs"),
    (ROLE + "server --cluster near-class.json", 1,
     "near-class.json: the package has no device class 'hetr'; did you mean `heter`?"),
    (ROLE + "server --cluster other-class.json", 1, "other-class.json: the package has no device class 'fpga'"),
    (ROLE + "server --cluster near-field.json", 1,
     "near-field.json: cluster file: unknown field 'server'; did you mean `servers`?"),
    (ROLE + "server --cluster field.json", 1,
     "field.json: cluster file: unknown field 'workers'; there are coordinator, servers, cpu-trainers, heter-trainers"),
    (ROLE + "server --cluster no-port.json", 1,
     "no-port.json: cluster file: 'servers[0]' must be an address \"HOST:PORT\" with a port from 0 to 65535, found "
     "\"localhost\""),
    (ROLE + "server --cluster large-port.json", 1,
     "large-port.json: cluster file: 'servers[1]' must be an address \"HOST:PORT\" with a port from 0 to 65535, found "
     "\"127.0.0.1:65536\""),
    (ROLE + "server --cluster named-port.json", 1,
     "named-port.json: cluster file: 'heter-trainers.heter[0]' must be an address \"HOST:PORT\" with a port from 0 to "
     "65535, found \"127.0.0.1:http\""),
    (ROLE + "server --cluster same.json", 1,
     "same.json: cluster file: 'coordinator' and 'servers[0]' have the same address 127.0.0.1:27791"),
    (ROLE + "server --cluster none.json", 1,
     "none.json: cluster file: 'servers' must be a list of at least one address, found []"),
    (ROLE + "server --cluster missing.json", 1, "missing.json: cluster file: the field 'servers' is missing"),
    (ROLE + "server --cluster text.json", 1,
     "text.json: cluster file: 'servers' must be a list of at least one address, found \"127.0.0.1:0\""),
    (ROLE + "server --cluster port-0.json", 1,
     "port-0.json: cluster file: the coordinator's port cannot be 0, for all others dial it"),
    (ROLE + "coordinator --cluster elsewhere.json", 1,
     "cannot listen at 192.0.2.1:27791: Cannot assign requested address"),
    (ROLE + "server --cluster notes.txt", 1, "notes.txt: cluster file: not valid JSON from line 1, column 1 on"),
    (ROLE + "server --cluster list.json", 1,
     "list.json: cluster file: must be an object, as in {\"coordinator\": \"HOST:PORT\", ...}"),
]


class WrongInput(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="heter-wrong-"))
        cls.make_files()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make_files(cls):
        folder = cls.folder
        (folder / "small.heter").write_text(MODEL)
        (folder / "folder").mkdir()
        (folder / "empty.tsv").write_text("")
        (folder / "notes.txt").write_text("Some notes.\n")
        (folder / "net.py").write_text('#!/usr/bin/env python3\n"""A net."""\nimport torch\n')
        (folder / "binary.heter").write_bytes(b"model x\n\0\1\2")
        (folder / "marked.heter").write_bytes(b"\xef\xbb\xbf" + MODEL.encode())
        (folder / "other.mlir").write_text("func.func @f() { return }\n")
        (folder / "list.json").write_text("[]")
        for name, changes in CLUSTERS.items():
            cluster = {key: value for key, value in {**CLUSTER, **changes}.items() if value is not None}
            (folder / f"{name}.json").write_text(json.dumps(cluster))
        e2e.run_tool("heter", "data", "synth", "--examples", 50, "--out", folder / "clicks.tsv")
        for package, spec, mode in [("small", folder / "small.heter", "heter-ps"), ("local", folder / "small.heter", "local"),
                                    ("lr", e2e.SOURCE / "samples" / "lr.heter", "ps")]:
            e2e.run_tool("heterc", spec, "-o", folder / f"{package}.pkg", f"--mode={mode}")
        e2e.run_tool("heter", "run", folder / "small.pkg", "--data", folder / "clicks.tsv", "--save", folder / "model")
        cls.make_packages()

    @classmethod
    def make_packages(cls):
        """Packages that are wrong in one way."""
        folder = cls.folder
        for name in ["newer", "other-cpu", "mixed", "short"]:
            shutil.copytree(folder / "small.pkg", folder / f"{name}.pkg")
        manifest = folder / "newer.pkg" / "manifest.json"
        manifest.write_text(re.sub(r'"format": \d+', '"format": 99', manifest.read_text()))
        for kernels in (folder / "other-cpu.pkg").glob("kernels-*"):
            kernels.unlink()
        shutil.copy(folder / "lr.pkg" / "cpu-trainer.program", folder / "mixed.pkg")
        (folder / "short.pkg" / "server.program").unlink()

    def run_line(self, line, **options):
        command = shlex.split(line)
        return subprocess.run([e2e.BIN / command[0], *command[1:]], cwd=self.folder, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, **options)

    def check(self, cases):
        before = self.contents()
        for line, code, message in cases:
            with self.subTest(line):
                result = self.run_line(line)
                words = shlex.split(line)
                said = f"{words[0]}: error: {message}\n".replace("FOLDER", str(self.folder))
                if code == 2:
                    command = re.match(r"heterc|heter( (run|launch|predict|inspect|dump|data( synth(?= ))?))?(?= |$)", line).group(0)
                    said += f"run `{command} --help` for how it is used\n"
                text = re.sub(r"^started \d+ processes; .*\n", "", result.stderr)
                self.assertEqual(text, said)
                self.assertEqual(result.returncode, code)
                self.assertEqual(result.stdout, "")
        self.assertEqual(self.contents(), before, "a refused command left something behind")

    def contents(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_command_lines(self):
        self.check(LINES)

    def test_files_and_folders(self):
        self.check(PATHS)

    def test_cluster_files(self):
        self.check(CLUSTER_CASES)

    def test_specs(self):
        """heterc prints the errors of each wrong spec of tests/frontend/errors as they stand beside it: place, line
        and underline included."""
        specs = sorted((e2e.SOURCE / "tests" / "frontend" / "errors").glob("*.heter"))
        self.assertGreater(len(specs), 100)
        folder = self.folder / "specs"
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        for spec in specs:
            with self.subTest(spec.stem):
                shutil.copy(spec, folder / "m.heter")
                result = self.run_line("heterc specs/m.heter -o specs/m.pkg")
                self.assertEqual(result.stderr.replace("specs/", ""), spec.with_suffix(".expected").read_text())
                self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual([path.name for path in folder.iterdir()], ["m.heter"], "a refused spec left something behind")

    def test_there_are_many(self):
        self.assertGreaterEqual(len(LINES) + len(PATHS) + len(CLUSTER_CASES), 160)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for role, changes in [("coordinator", {"coordinator": address}),
                                  ("server", {"servers": [address]}),
                                  ("heter-trainer.heter", {"heter-trainers": {"heter": [address]}})]:
                with self.subTest(role):
                    (self.folder / "taken.json").write_text(json.dumps({**CLUSTER, **changes}))
                    result = self.run_line(ROLE + f"{role} --cluster taken.json")
                    who = "" if role == "coordinator" else f"{role} 0: "
                    self.assertEqual(result.stderr,
                                     f"heter: error: {who}cannot listen at {address}: Address already in use\n")
                    self.assertEqual(result.returncode, 1)

    def test_roles_of_different_compilations(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (self.folder / "two.json").write_text(json.dumps({**CLUSTER, "coordinator": f"127.0.0.1:{port}"}))
        (self.folder / "again.heter").write_text(MODEL.replace("dim: 2", "dim: 3"))
        e2e.run_tool("heterc", self.folder / "again.heter", "-o", self.folder / "again.pkg", "--mode=heter-ps")
        hashes = [json.loads((self.folder / f"{name}.pkg" / "manifest.json").read_text())["program_hash"]
                  for name in ["again", "small"]]
        start = [str(e2e.BIN / "heter"), "run"]
        flags = ["--data", "clicks.tsv", "--cluster", "two.json", "--role"]
        coordinator = subprocess.Popen([*start, "small.pkg", *flags, "coordinator"], cwd=self.folder, text=True,
                                       stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        server = subprocess.run([*start, "again.pkg", *flags, "server"], cwd=self.folder, text=True, capture_output=True,
                                timeout=60)
        _, said = coordinator.communicate(timeout=60)
        expected = (f"server 0 runs program {hashes[0]}, the coordinator runs {hashes[1]}; start all roles from one "
                    "package\n")
        for text in [said, server.stderr]:  # The coordinator refuses; who says so first may differ.
            self.assertEqual(text.replace("coordinator: server", "server"), "heter: error: " + expected)
        self.assertEqual([coordinator.returncode, server.returncode], [1, 1])

    def test_without_permission(self):
        """As a user who may only read."""
        self.folder.chmod(0o755)
        os.chmod(self.folder / "small.pkg" / "package.bin", 0o644)
        unprivileged = {"user": 65534} if os.getuid() == 0 else {}
        if not unprivileged:
            self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        for line, message in [
                (RUN + "--save new", "--save: cannot create folder `new`: Permission denied"),
                (RUN + "--losses new", "--losses: cannot create `new.partial`: Permission denied"),
                ("heter dump model --out new", "cannot create `new`: Permission denied"),
                ("heterc small.heter -o new.pkg",
                 "cannot write a package to new.pkg: Permission denied in FOLDER")]:
            with self.subTest(line):
                result = self.run_line(line, **unprivileged)
                tool = line.split()[0]
                self.assertEqual(result.stderr, f"{tool}: error: {message}\n".replace("FOLDER", str(self.folder)))
                self.assertEqual(result.returncode, 1)

    def one_sentence(self, result, name, what):
        """A refusal in one line that names the file."""
        self.assertEqual(result.returncode, 1, f"{what}\n{result.stdout}{result.stderr}")
        self.assertRegex(result.stderr, r"\Aheter: error: [^\n]+\n\Z", what)
        self.assertIn(name, result.stderr, what)

    def damages(self, path):
        """Writes damaged versions of a file, one after another, and says what each is; the file is whole again after."""
        whole = path.read_bytes()
        steps = sorted({i * (len(whole) - 1) // 9 for i in range(10)})
        try:
            for at in steps:
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1:])
                yield f"{path.name}: byte {at} flipped"
            for length in sorted({0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 1}):
                path.write_bytes(whole[:length])
                yield f"{path.name}: cut to {length} bytes"
            path.write_bytes(whole + b"\0")
            yield f"{path.name}: a byte more"
        finally:
            path.write_bytes(whole)

    def test_damaged_packages(self):
        package = self.folder / "damaged.pkg"
        shutil.copytree(self.folder / "small.pkg", package)
        command = "heter run damaged.pkg --data clicks.tsv --losses damaged.losses"
        self.assertEqual(self.run_line(command).returncode, 0)
        losses = (self.folder / "damaged.losses").read_text()
        levels = [path.name for path in sorted(package.glob("kernels-*"))]
        unread = {"explain.txt", *levels} - {self.level_in_use(levels)}
        for path in sorted(package.iterdir()):
            for what in self.damages(path):
                result = self.run_line(command)
                # What is for people, and what this processor does not use, may change; nothing else comes of it.
                if result.returncode == 0 and path.name in unread | {"manifest.json"}:
                    self.assertEqual((self.folder / "damaged.losses").read_text(), losses, what)
                else:
                    self.one_sentence(result, "damaged.pkg/" if path.name == "manifest.json" else path.name, what)

    def level_in_use(self, levels):
        flags = re.search(r"^flags.*$", pathlib.Path("/proc/cpuinfo").read_text(), re.M).group(0).split()
        return levels[-1] if "avx512f" in flags else levels[0]

    def test_damaged_saved_models(self):
        model = self.folder / "damaged"
        shutil.copytree(self.folder / "model", model)
        for path in sorted(model.iterdir()):
            for what in self.damages(path):
                self.one_sentence(self.run_line("heter dump damaged --out damaged.txt"), path.name, what)
                self.one_sentence(self.run_line(RUN + "--load damaged"), path.name, what)


if __name__ == "__main__":
    unittest.main()
