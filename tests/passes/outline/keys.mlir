// One search for the keys of all lookups of a table part, one pull, and one sum of their gradients.
// RUN: heter-opt %s --split-input-file --heter-outline | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-outline | heter-opt --split-input-file | FileCheck %s
// RUN: sed -e 's/nn.fuse = true/nn.fuse = false/' %s | heter-opt --split-input-file --heter-outline | FileCheck %s --check-prefix=SINGLE

// The vector's lists are a part of the weight's: they come first, and its keys are found on the way. Shows and clicks
// have the keys of the gradient.
module @parts attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @goods [#nn.part<"weight", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>,
                   #nn.part<"vector", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
    policy [#nn.rule<"show_click", {click = 1.0 : f64, clicks = "click", decay = 5.0e-01 : f64, show = 2.5e-01 : f64}>,
            #nn.rule<"period", {steps = 4.0 : f64}>]
  // CHECK-LABEL: module @parts
  // CHECK: %[[ITEM:.*]] = task.input "item"
  // CHECK: %[[SLOTS:.*]] = task.input "slots"
  // CHECK: %[[RECENT:.*]] = task.input "recent"
  // CHECK: %[[KEYS:.*]]:6 = task.library "unique_keys"(%[[ITEM]], %[[SLOTS]], %[[RECENT]])
  // CHECK-SAME: (tensor<?x1xi64>, tensor<?x3xi64>, !nn.ragged<"recent", i64>) -> (!nn.rows<0>, !nn.rows<0>, !nn.rows<0>, tensor<?x1xi64>, tensor<?x3xi64>, !nn.ragged<"recent", i64>)
  // CHECK-NOT: "unique_keys"
  // CHECK: %[[W:.*]] = task.pull_rows @goods part("weight") (%[[KEYS]]#2)
  // CHECK: task.library "lookup"(%[[W]], %[[KEYS]]#4) options {pools = "sum"}
  // CHECK: task.library "lookup"(%[[W]], %[[KEYS]]#3) options {pools = "sum"}
  // CHECK: task.library "lookup"(%[[W]], %[[KEYS]]#5) options {pools = "mean"}
  // CHECK: %[[V:.*]] = task.pull_rows @goods part("vector") (%[[KEYS]]#0)
  // CHECK: task.library "lookup"(%[[V]], %[[KEYS]]#3)
  // CHECK-NOT: task.pull_rows
  // CHECK-NOT: "add_rows"
  // CHECK: %[[DW:.*]] = task.library "lookup_grad"(%[[KEYS]]#2, %[[KEYS]]#5, %{{.*}}, %[[KEYS]]#3, %{{.*}}, %[[KEYS]]#4, %{{.*}}) options {begins = array<i64: 0, 0, 0>, dim = 2 : i64, pools = "mean sum sum"}
  // CHECK: %[[COUNTS:.*]] = task.library "lookup_grad"(%[[KEYS]]#2, %[[KEYS]]#5, %{{.*}}, %[[KEYS]]#3, %{{.*}}, %[[KEYS]]#4, %{{.*}}) options {begins = array<i64: 0, 0, 0>, dim = 2 : i64, pools = "sum sum sum"}
  // CHECK: %[[DV:.*]] = task.library "lookup_grad"(%[[KEYS]]#0, %[[KEYS]]#3, %{{.*}}) options {begins = array<i64: 0>, dim = 4 : i64, pools = "sum"}
  // CHECK: task.push_rows @goods part("weight") (%[[DW]], %[[COUNTS]])
  // CHECK: task.push_rows @goods part("vector") (%[[DV]])
  // SINGLE-LABEL: module @parts
  // SINGLE-COUNT-3: "unique_keys"
  // SINGLE-COUNT-4: "add_rows"
  ps.program @local.train role("local") graph("train") {
    %item = nn.input "item" : tensor<?x1xi64>
    %slots = nn.input "slots" : tensor<?x3xi64>
    %recent = nn.input "recent" : !nn.ragged<"recent", i64>
    %g2 = nn.input "g2" : tensor<?x2xf32>
    %g4 = nn.input "g4" : tensor<?x4xf32>
    %a = ps.pull_rows @goods part("weight") (%slots) pool(sum) : tensor<?x3xi64> -> tensor<?x2xf32>
    %b = ps.pull_rows @goods part("weight") (%item) pool(sum) : tensor<?x1xi64> -> tensor<?x2xf32>
    %c = ps.pull_rows @goods part("weight") (%recent) pool(mean) : !nn.ragged<"recent", i64> -> tensor<?x2xf32>
    %v = ps.pull_rows @goods part("vector") (%item) pool(sum) : tensor<?x1xi64> -> tensor<?x4xf32>
    nn.predict "a"(%a) : tensor<?x2xf32>
    nn.predict "b"(%b) : tensor<?x2xf32>
    nn.predict "c"(%c) : tensor<?x2xf32>
    nn.predict "v"(%v) : tensor<?x4xf32>
    %dc = nn.lookup_grad %recent, %g2 pool(mean) : (!nn.ragged<"recent", i64>, tensor<?x2xf32>) -> !nn.rows<2>
    %cc = nn.lookup_grad %recent, %g2 pool(sum) : (!nn.ragged<"recent", i64>, tensor<?x2xf32>) -> !nn.rows<2>
    %db = nn.lookup_grad %item, %g2 pool(sum) : (tensor<?x1xi64>, tensor<?x2xf32>) -> !nn.rows<2>
    %dcb = nn.add_rows %dc, %db : !nn.rows<2>
    %ccb = nn.add_rows %cc, %db : !nn.rows<2>
    %da = nn.lookup_grad %slots, %g2 pool(sum) : (tensor<?x3xi64>, tensor<?x2xf32>) -> !nn.rows<2>
    %dcba = nn.add_rows %dcb, %da : !nn.rows<2>
    %ccba = nn.add_rows %ccb, %da : !nn.rows<2>
    %dv = nn.lookup_grad %item, %g4 pool(sum) : (tensor<?x1xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    ps.push_rows @goods part("weight") %dcba counts(%ccba) : !nn.rows<2>, !nn.rows<2>
    ps.push_rows @goods part("vector") %dv : !nn.rows<4>
  }
}

// -----

// Of the lookups of one table only one is trained: keys that the other alone has are pulled and not pushed.
module @trained attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @goods [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK-LABEL: module @trained
  // CHECK: %[[A:.*]] = task.input "a"
  // CHECK: %[[B:.*]] = task.input "b"
  // CHECK: %[[KEYS:.*]]:4 = task.library "unique_keys"(%[[B]], %[[A]])
  // CHECK: %[[ROWS:.*]] = task.pull_rows @goods part("") (%[[KEYS]]#1)
  // CHECK: task.library "lookup"(%[[ROWS]], %[[KEYS]]#3, %[[ROWS]], %[[KEYS]]#2) options {pools = "none none"}
  // CHECK: task.library "lookup_grad"(%[[KEYS]]#0, %[[KEYS]]#2, %{{.*}})
  ps.program @local.train role("local") graph("train") {
    %a = nn.input "a" : tensor<?xi64>
    %b = nn.input "b" : tensor<?xi64>
    %x = ps.pull_rows @goods part("") (%a) : tensor<?xi64> -> tensor<?x4xf32>
    %y = ps.pull_rows @goods part("") (%b) : tensor<?xi64> -> tensor<?x4xf32>
    %xy = nn.concat %x, %y axis(1) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
    nn.predict "xy"(%xy) : tensor<?x8xf32>
    %g = nn.input "g" : tensor<?x4xf32>
    %r = nn.lookup_grad %b, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    ps.push_rows @goods part("") %r : !nn.rows<4>
  }
}

// -----

// Two gradients of one list, one of which another reader sums as well; and two tables that share a list, neither of whose
// lists are the other's.
module @twice attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.table @b [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.table @c [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK-LABEL: module @twice
  // CHECK-DAG: %[[X:.*]] = task.input "x"
  // CHECK-DAG: %[[Y:.*]] = task.input "y"
  // CHECK-DAG: %[[Z:.*]] = task.input "z"
  // CHECK-DAG: %[[G:.*]] = task.input "g"
  // CHECK-DAG: %[[H:.*]] = task.input "h"
  // CHECK-DAG: %[[XY:.*]]:4 = task.library "unique_keys"(%[[X]], %[[Y]])
  // CHECK-DAG: %[[YZ:.*]]:4 = task.library "unique_keys"(%[[Y]], %[[Z]])
  // CHECK-DAG: task.pull_rows @a part("") (%[[XY]]#1)
  // CHECK-DAG: task.pull_rows @b part("") (%[[YZ]]#1)
  // CHECK: %[[G2:.*]] = task.library "lookup_grad"(%[[XY]]#0, %[[XY]]#2, %[[G]])
  // CHECK: %[[GH:.*]] = task.library "lookup_grad"(%[[XY]]#0, %[[XY]]#2, %[[G]], %[[XY]]#2, %[[H]])
  // CHECK-NOT: "add_rows"
  // CHECK: task.push_rows @a part("") (%[[GH]])
  // CHECK: task.push_rows @c part("") (%[[G2]])
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?xi64>
    %y = nn.input "y" : tensor<?xi64>
    %z = nn.input "z" : tensor<?xi64>
    %g = nn.input "g" : tensor<?x4xf32>
    %h = nn.input "h" : tensor<?x4xf32>
    %ax = ps.pull_rows @a part("") (%x) : tensor<?xi64> -> tensor<?x4xf32>
    %ay = ps.pull_rows @a part("") (%y) : tensor<?xi64> -> tensor<?x4xf32>
    %by = ps.pull_rows @b part("") (%y) : tensor<?xi64> -> tensor<?x4xf32>
    %bz = ps.pull_rows @b part("") (%z) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "ax"(%ax) : tensor<?x4xf32>
    nn.predict "ay"(%ay) : tensor<?x4xf32>
    nn.predict "by"(%by) : tensor<?x4xf32>
    nn.predict "bz"(%bz) : tensor<?x4xf32>
    %rg = nn.lookup_grad %x, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %rh = nn.lookup_grad %x, %h : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %sum = nn.add_rows %rg, %rh : !nn.rows<4>
    ps.push_rows @a part("") %sum : !nn.rows<4>
    ps.push_rows @c part("") %rg : !nn.rows<4>
  }
}

// -----

// Ids that are computed, here even from rows of the same table, wait for others: they stay apart, and so do those that are
// received after a message was sent.
module @late attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @goods [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x4xf32>]
  ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?xi64>]
  // CHECK-LABEL: module @late
  // CHECK: %[[A:.*]] = task.input "a"
  // CHECK: %[[B:.*]] = task.input "b"
  // CHECK: %[[AB:.*]]:4 = task.library "unique_keys"(%[[A]], %[[B]])
  // CHECK: task.pull_rows @goods part("") (%[[AB]]#1)
  // CHECK: task.send @c0
  // CHECK: %[[R:.*]] = task.recv @c1
  // CHECK: %[[RK:.*]]:2 = task.library "unique_keys"(%[[R]])
  // CHECK: task.pull_rows @goods part("") (%[[RK]]#0)
  // CHECK: %[[C:.*]] = task.library "argmax"
  // CHECK: %[[CK:.*]]:2 = task.library "unique_keys"(%[[C]])
  // CHECK: task.pull_rows @goods part("") (%[[CK]]#0)
  // CHECK: %[[RS:.*]] = task.library "lookup_grad"(%[[RK]]#0
  // CHECK: %[[ABS:.*]] = task.library "lookup_grad"(%[[AB]]#1, %[[AB]]#2, %{{.*}}, %[[AB]]#3, %{{.*}})
  // CHECK: %[[CS:.*]] = task.library "lookup_grad"(%[[CK]]#0
  // CHECK: %[[S1:.*]] = task.library "add_rows"
  // CHECK: %[[S2:.*]] = task.library "add_rows"(%[[S1]]
  // CHECK: task.push_rows @goods part("") (%[[S2]])
  ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
    %a = nn.input "a" : tensor<?xi64>
    %x = ps.pull_rows @goods part("") (%a) : tensor<?xi64> -> tensor<?x4xf32>
    %b = nn.input "b" : tensor<?xi64>
    %y = ps.pull_rows @goods part("") (%b) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "y"(%y) : tensor<?x4xf32>
    ps.send @c0 (%x) : tensor<?x4xf32>
    %r = ps.recv @c1 : tensor<?xi64>
    %z = ps.pull_rows @goods part("") (%r) : tensor<?xi64> -> tensor<?x4xf32>
    %c = nn.argmax %x axis(1) : (tensor<?x4xf32>) -> tensor<?xi64>
    %w = ps.pull_rows @goods part("") (%c) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "w"(%w) : tensor<?x4xf32>
    %dr = nn.lookup_grad %r, %z : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %da = nn.lookup_grad %a, %z : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %db = nn.lookup_grad %b, %y : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %dc = nn.lookup_grad %c, %w : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %s0 = nn.add_rows %dr, %da : !nn.rows<4>
    %s1 = nn.add_rows %s0, %db : !nn.rows<4>
    %s2 = nn.add_rows %s1, %dc : !nn.rows<4>
    ps.push_rows @goods part("") %s2 : !nn.rows<4>
  }
  ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
    %x = ps.recv @c0 : tensor<?x4xf32>
    %c = nn.argmax %x axis(1) : (tensor<?x4xf32>) -> tensor<?xi64>
    ps.send @c1 (%c) : tensor<?xi64>
  }
}

// -----

// Ids that are hashed from those of the batch come as early as they do. The sum is taken where the last gradient is there.
module @hashed attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @goods [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK-LABEL: module @hashed
  // CHECK: %[[A:.*]] = task.input "a"
  // CHECK: %[[B:.*]] = task.library "hash"
  // CHECK: %[[AB:.*]]:4 = task.library "unique_keys"(%[[A]], %[[B]])
  // CHECK: task.pull_rows @goods part("") (%[[AB]]#1)
  // CHECK-NOT: task.pull_rows
  // CHECK: %[[H:.*]] = task.kernel
  // CHECK: task.library "lookup_grad"(%[[AB]]#1, %[[AB]]#2, %{{.*}}, %[[AB]]#3, %[[H]])
  ps.program @local.train role("local") graph("train") {
    %a = nn.input "a" : tensor<?xi64>
    %x = ps.pull_rows @goods part("") (%a) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "x"(%x) : tensor<?x4xf32>
    %b = nn.hash %a space("b") : tensor<?xi64>
    %y = ps.pull_rows @goods part("") (%b) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "y"(%y) : tensor<?x4xf32>
    %g = nn.input "g" : tensor<?x4xf32>
    %da = nn.lookup_grad %a, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %h = nn.sigmoid %g : tensor<?x4xf32>
    %db = nn.lookup_grad %b, %h : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %s = nn.add_rows %da, %db : !nn.rows<4>
    ps.push_rows @goods part("") %s : !nn.rows<4>
  }
}

// -----

// A sum that is pushed by itself and is a part of another: each is taken once, and the greater adds to the smaller.
module @sums attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.table @b [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK-LABEL: module @sums
  // CHECK: %[[X:.*]] = task.input "x"
  // CHECK: %[[Y:.*]] = task.input "y"
  // CHECK: %[[Z:.*]] = task.input "z"
  // CHECK: %[[XYZ:.*]]:6 = task.library "unique_keys"(%[[X]], %[[Y]], %[[Z]])
  // CHECK: task.pull_rows @a part("") (%[[XYZ]]#2)
  // CHECK: %[[ZK:.*]]:2 = task.library "unique_keys"(%[[Z]])
  // CHECK: %[[S:.*]] = task.library "lookup_grad"(%[[XYZ]]#1, %[[XYZ]]#3, %{{.*}}, %[[XYZ]]#4, %{{.*}})
  // CHECK: %[[ZS:.*]] = task.library "lookup_grad"(%[[ZK]]#0, %[[ZK]]#1, %{{.*}})
  // CHECK: %[[T:.*]] = task.library "add_rows"(%[[S]], %[[ZS]])
  // CHECK-NOT: task.library "add_rows"
  // CHECK: task.push_rows @b part("") (%[[T]])
  // CHECK: task.push_rows @a part("") (%[[S]])
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?xi64>
    %y = nn.input "y" : tensor<?xi64>
    %z = nn.input "z" : tensor<?xi64>
    %g = nn.input "g" : tensor<?x4xf32>
    %ax = ps.pull_rows @a part("") (%x) : tensor<?xi64> -> tensor<?x4xf32>
    %ay = ps.pull_rows @a part("") (%y) : tensor<?xi64> -> tensor<?x4xf32>
    %az = ps.pull_rows @a part("") (%z) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "ax"(%ax) : tensor<?x4xf32>
    nn.predict "ay"(%ay) : tensor<?x4xf32>
    nn.predict "az"(%az) : tensor<?x4xf32>
    %rx = nn.lookup_grad %x, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %ry = nn.lookup_grad %y, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %rz = nn.lookup_grad %z, %g : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    %s = nn.add_rows %rx, %ry : !nn.rows<4>
    %t = nn.add_rows %s, %rz : !nn.rows<4>
    ps.push_rows @b part("") %t : !nn.rows<4>
    ps.push_rows @a part("") %s : !nn.rows<4>
  }
}

// -----

// Ids that are hashed on a device are copied there and back, and still come as early as those they are hashed from.
module @copied attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @goods [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?xi64>]
  // CHECK-LABEL: module @copied
  // CHECK: %[[A:.*]] = task.recv @c0
  // CHECK: task.copy %[[A]]
  // CHECK: task.library "hash"
  // CHECK: %[[B:.*]] = task.copy %{{.*}} named "copy to host"
  // CHECK: %[[AB:.*]]:4 = task.library "unique_keys"(%[[A]], %[[B]])
  // CHECK: task.pull_rows @goods part("") (%[[AB]]#1)
  // CHECK-NOT: task.pull_rows
  // CHECK-NOT: "unique_keys"
  ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
    %a = nn.input "a" : tensor<?xi64>
    ps.send @c0 (%a) : tensor<?xi64>
  }
  ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
    %a = ps.recv @c0 : tensor<?xi64>
    %x = ps.pull_rows @goods part("") (%a) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "x"(%x) : tensor<?x4xf32>
    %b = nn.hash %a space("b") : tensor<?xi64>
    %y = ps.pull_rows @goods part("") (%b) : tensor<?xi64> -> tensor<?x4xf32>
    nn.predict "y"(%y) : tensor<?x4xf32>
  }
}
