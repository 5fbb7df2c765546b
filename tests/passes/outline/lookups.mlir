// Lookups write where their values are wanted, and their gradients are read where they are made.
// RUN: heter-opt %s --split-input-file --heter-outline | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-outline | heter-opt --split-input-file | FileCheck %s
// RUN: sed -e 's/nn.fuse = true/nn.fuse = false/' %s | heter-opt --split-input-file --heter-outline | FileCheck %s --check-prefix=SINGLE

// Two lookups of different pools and another value side by side; the gradient's parts are read in place.
module @rows attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.table @b [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK-LABEL: module @rows
  // CHECK: %[[D:.*]] = task.input "dense"
  // CHECK: %[[AK:.*]]:2 = task.library "unique_keys"
  // CHECK: %[[A:.*]] = task.pull_rows @a part("") (%[[AK]]#0)
  // CHECK: %[[BK:.*]]:2 = task.library "unique_keys"
  // CHECK: %[[B:.*]] = task.pull_rows @b part("") (%[[BK]]#0)
  // CHECK-NOT: "reshape"
  // CHECK-NOT: "concat"
  // CHECK: %[[ROW:.*]] = task.library "lookup"(%[[A]], %[[AK]]#1, %[[D]], %[[B]], %[[BK]]#1) options {pools = "none mean"}
  // CHECK-SAME: -> tensor<?x13xf32>
  // CHECK: %[[G:.*]] = task.kernel @{{.*}}(%[[ROW]])
  // CHECK-NOT: "slice"
  // CHECK: task.library "lookup_grad"(%[[AK]]#0, %[[AK]]#1, %[[G]]) options {begins = array<i64: 0>, dim = 2 : i64, pools = "none"}
  // CHECK: task.library "lookup_grad"(%[[BK]]#0, %[[BK]]#1, %[[G]]) options {begins = array<i64: 9>, dim = 4 : i64, pools = "mean"}
  // SINGLE-LABEL: module @rows
  // SINGLE: task.library "lookup"({{.*}}) options {pools = "none"} {{.*}} -> tensor<?x3x2xf32>
  // SINGLE: task.library "reshape"
  // SINGLE: task.library "lookup"({{.*}}) options {pools = "mean"} {{.*}} -> tensor<?x4xf32>
  // SINGLE: task.library "concat"
  // SINGLE: task.library "slice"
  // SINGLE: task.library "reshape"
  // SINGLE: task.library "lookup_grad"({{.*}}) options {begins = array<i64: 0>
  ps.program @local.train role("local") graph("train") {
    %dense = nn.input "dense" : tensor<?x3xf32>
    %a = nn.input "a" : tensor<?x3xi64>
    %b = nn.input "b" : !nn.ragged<"b", i64>
    %x = ps.pull_rows @a part("") (%a) : tensor<?x3xi64> -> tensor<?x3x2xf32>
    %flat = nn.reshape %x : tensor<?x3x2xf32> -> tensor<?x6xf32>
    %y = ps.pull_rows @b part("") (%b) pool(mean) : !nn.ragged<"b", i64> -> tensor<?x4xf32>
    %row = nn.concat %flat, %dense, %y axis(1) : (tensor<?x6xf32>, tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<?x13xf32>
    %g = nn.relu %row : tensor<?x13xf32>
    %gx = nn.slice %g axis(1) range(0, 6) : (tensor<?x13xf32>) -> tensor<?x6xf32>
    %gxs = nn.reshape %gx : tensor<?x6xf32> -> tensor<?x3x2xf32>
    %rx = nn.lookup_grad %a, %gxs : (tensor<?x3xi64>, tensor<?x3x2xf32>) -> !nn.rows<2>
    %gy = nn.slice %g axis(1) range(9, 13) : (tensor<?x13xf32>) -> tensor<?x4xf32>
    %ry = nn.lookup_grad %b, %gy pool(mean) : (!nn.ragged<"b", i64>, tensor<?x4xf32>) -> !nn.rows<4>
    ps.push_rows @a part("") %rx : !nn.rows<2>
    ps.push_rows @b part("") %ry : !nn.rows<4>
  }
}

// -----

// What is read elsewhere stays; a product's factor is packed by the lookup that makes it.
module @shared attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.parameter @w : tensor<6x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-LABEL: module @shared
  // CHECK: %[[SHARED:.*]] = task.library "lookup"({{.*}}) {{.*}} -> tensor<?x3x2xf32>
  // CHECK: task.library "reshape"(%[[SHARED]])
  // CHECK: task.kernel @{{.*}}(%[[SHARED]])
  // CHECK: %[[PACKED:.*]] = task.library "lookup"({{.*}}) {{.*}} named "lookup a+pack" : (!nn.rows<2>, tensor<?x3xi64>) -> tensor<?x6xbf16, #task.packed<left, host>>
  // CHECK: task.library "product"(%[[PACKED]]
  ps.program @local.infer role("local") graph("infer") {
    %ids = nn.input "ids" : tensor<?x3xi64>
    %others = nn.input "others" : tensor<?x3xi64>
    %x = ps.pull_rows @a part("") (%ids) : tensor<?x3xi64> -> tensor<?x3x2xf32>
    %flat = nn.reshape %x : tensor<?x3x2xf32> -> tensor<?x6xf32>
    %r = nn.relu %x : tensor<?x3x2xf32>
    nn.predict "flat"(%flat) : tensor<?x6xf32>
    nn.predict "r"(%r) : tensor<?x3x2xf32>
    %y = ps.pull_rows @a part("") (%others) : tensor<?x3xi64> -> tensor<?x3x2xf32>
    %yflat = nn.reshape %y : tensor<?x3x2xf32> -> tensor<?x6xf32>
    %w = ps.pull_dense @w : tensor<6x3xf32>
    %l = nn.linear %yflat, %w precision(bf16) : (tensor<?x6xf32>, tensor<6x3xf32>) -> tensor<?x3xf32>
    nn.predict "l"(%l) : tensor<?x3xf32>
  }
}
