// What is checked and not compiled yet is one error that names it and who needs it.
// RUN: not heter-emit %S/../models/din.heter 2>&1 | FileCheck %s --check-prefix=DIN
// DIN: not supported yet: `broadcast` of f32[*seen, 32] (needed by: models of histories, as DIN)
// RUN: not heter-emit %S/../models/dien.heter 2>&1 | FileCheck %s --check-prefix=DIEN
// DIEN: not supported yet: `lookup` of id[*seen] (needed by: models of histories, as DIN)
// RUN: not heter-emit %S/../models/two_tower.heter 2>&1 | FileCheck %s --check-prefix=TOWER
// TOWER: not supported yet: `l2_normalize` (needed by: two-tower models)
// RUN: not heter-emit %S/../models/control.heter 2>&1 | FileCheck %s --check-prefix=CONTROL
// CONTROL: control.heter:11:1: error: not supported yet: `switch` (needed by: models with scenes)
// RUN: not heter-emit %S/../models/feed.heter 2>&1 | FileCheck %s --check-prefix=FEED
// FEED: not supported yet: an input of type id[20, *] (needed by: bags of several fields)
// RUN: not heter-emit %S/../models/nothing.heter 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: cannot read {{.*}}nothing.heter: No such file or directory
