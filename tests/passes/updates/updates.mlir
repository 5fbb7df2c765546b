// Which parameters are updated in the products that make their gradients, after which readers, and why others are not.
// RUN: heter-opt %s --split-input-file --heter-updates | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-updates | heter-opt --split-input-file | FileCheck %s
// RUN: heter-opt %s --split-input-file --heter-updates --remarks-filter=heter-fuse --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:     | FileCheck %s --check-prefix=WHY

// Pulls, packed ones, what reads them, and regions that pull all come before.
// WHY-DAG: product + update of w, v: block by block while the product makes the gradient
module @marks attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  // CHECK: module @marks
  // CHECK-SAME: nn.stage = "updates"
  nn.parameter @w : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @v : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %w = task.pull_dense @w named "pull w" : tensor<1024x512xf32>
    %p = task.pull_dense @w named "pull packed" : tensor<1024x512xbf16, #task.packed<right_transposed, host>>
    %yes = task.library "cast"(%x) named "yes" : (tensor<?x1024xf32>) -> tensor<i1>
    %y = task.library "matmul"(%x, %w) named "y" : (tensor<?x1024xf32>, tensor<1024x512xf32>) -> tensor<?x512xf32>
    %z = task.if %yes(%x) named "if" : (tensor<?x1024xf32>) -> tensor<?x512xf32> {
      ^bb0(%a: tensor<?x1024xf32>):
      %b = task.pull_dense @v named "pull v" : tensor<1024x512xf32>
      %c = task.library "matmul"(%a, %b) named "c" : (tensor<?x1024xf32>, tensor<1024x512xf32>) -> tensor<?x512xf32>
      task.yield %c : tensor<?x512xf32>
    } else {
      ^bb0(%a: tensor<?x1024xf32>):
      %b = task.pull_dense @w named "pull w" : tensor<1024x512xf32>
      %c = task.library "matmul"(%a, %b) named "c" : (tensor<?x1024xf32>, tensor<1024x512xf32>) -> tensor<?x512xf32>
      task.yield %c : tensor<?x512xf32>
    }
    %g = task.library "pack"(%y) named "g" : (tensor<?x512xf32>) -> tensor<?x512xbf16, #task.packed<left, host>>
    %dx = task.library "product"(%g, %p) named "dx" : (tensor<?x512xbf16, #task.packed<left, host>>, tensor<1024x512xbf16, #task.packed<right_transposed, host>>) -> tensor<?x1024xf32>
    %dw = task.library "matmul"(%dx, %z) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    %dv = task.library "matmul"(%x, %z) options {transpose_a = true} named "dv" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    // CHECK: task.push_dense @w(%{{.*}}) update_after [1, 2, 4, 5, 7] named "push w"
    task.push_dense @w(%dw) named "push w" : tensor<1024x512xf32>
    // CHECK: task.push_dense @v(%{{.*}}) update_after [5] named "push v"
    task.push_dense @v(%dv) named "push v" : tensor<1024x512xf32>
  }
}

// -----

// WHY-DAG: product, update of small, alike apart: the gradient is smaller than 2 MiB, so it stays in a cache until the step is closed
// WHY-DAG: product, update of clipped apart: the gradient has another reader, `norm`
// WHY-DAG: product, update of made, other apart: no product makes the gradient
// WHY-DAG: product, update of kept apart: `push other` keeps the values
// WHY-DAG: product, update of late apart: `late reader` reads the values after the product that makes the gradient
// WHY-DAG: product, update of twice, twice apart: it is pushed more than once
// WHY-DAG: product, update of nested apart: the gradient is pushed in a region
module @apart attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  // CHECK: module @apart
  // CHECK-NOT: update_after
  nn.parameter @small : tensor<1024x511xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @alike : tensor<1024x511xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @clipped : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @made : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @kept : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @other : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @late : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @twice : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @nested : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  func.func @norm(%g: tensor<1024x512xf32>) -> tensor<f32> {
    %n = nn.reduce_sum %g axes [0, 1] : (tensor<1024x512xf32>) -> tensor<f32>
    return %n : tensor<f32>
  }
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %s = task.input "s" named "s" : tensor<?x511xf32>
    %kept = task.pull_dense @kept named "pull kept" : tensor<1024x512xf32>
    %late = task.pull_dense @late named "pull late" : tensor<1024x512xf32>
    %ds = task.library "matmul"(%x, %s) options {transpose_a = true} named "ds" : (tensor<?x1024xf32>, tensor<?x511xf32>) -> tensor<1024x511xf32>
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    %n = task.kernel @norm(%dw) named "norm" : (tensor<1024x512xf32>) -> tensor<f32>
    %dm = task.library "cast"(%late) named "dm" : (tensor<1024x512xf32>) -> tensor<1024x512xf32>
    %dk = task.library "matmul"(%x, %y) options {transpose_a = true} named "dk" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    %dl = task.library "matmul"(%x, %y) options {transpose_a = true} named "dl" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    %m = task.kernel @norm(%late) named "late reader" : (tensor<1024x512xf32>) -> tensor<f32>
    %dt = task.library "matmul"(%x, %y) options {transpose_a = true} named "dt" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @small(%ds) named "push small" : tensor<1024x511xf32>
    task.push_dense @alike(%ds) named "push alike" : tensor<1024x511xf32>
    task.push_dense @clipped(%dw) named "push clipped" : tensor<1024x512xf32>
    task.push_dense @made(%dm) named "push made" : tensor<1024x512xf32>
    task.push_dense @other(%kept) named "push other" : tensor<1024x512xf32>
    task.push_dense @kept(%dk) named "push kept" : tensor<1024x512xf32>
    task.push_dense @late(%dl) named "push late" : tensor<1024x512xf32>
    task.push_dense @twice(%dt) named "push twice" : tensor<1024x512xf32>
    task.push_dense @twice(%dt) named "push twice again" : tensor<1024x512xf32>
    %yes = task.library "cast"(%m) named "yes" : (tensor<f32>) -> tensor<i1>
    task.if %yes(%x, %y) named "if" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> () {
      ^bb0(%a: tensor<?x1024xf32>, %b: tensor<?x512xf32>):
      %dn = task.library "matmul"(%a, %b) options {transpose_a = true} named "dn" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
      task.push_dense @nested(%dn) named "push nested" : tensor<1024x512xf32>
      task.yield
    } else {
      ^bb0(%a: tensor<?x1024xf32>, %b: tensor<?x512xf32>):
      task.yield
    }
  }
}

// -----

// A region that pulls and pushes keeps what it pulled.
// WHY-DAG: product, update of w apart: `if` keeps the values
module @kept_within attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  // CHECK: module @kept_within
  // CHECK-NOT: update_after
  nn.parameter @w : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @v : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %yes = task.library "cast"(%x) named "yes" : (tensor<?x1024xf32>) -> tensor<i1>
    task.if %yes() named "if" : () -> () {
      %w = task.pull_dense @w named "pull w" : tensor<1024x512xf32>
      task.push_dense @v(%w) named "push v" : tensor<1024x512xf32>
      task.yield
    } else {
      task.yield
    }
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @w(%dw) named "push w" : tensor<1024x512xf32>
  }
}

// -----

// Rows that are pushed are kept, too.
// WHY-DAG: product, update of w apart: `rows` keeps the values
module @kept_with_rows attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  // CHECK: module @kept_with_rows
  // CHECK-NOT: update_after
  nn.table @e [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.parameter @w : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %i = task.input "i" named "i" : tensor<?x1xi64>
    %g = task.input "g" named "g" : tensor<?x1x2xf32>
    %k:2 = task.library "unique_keys"(%i) named "k" : (tensor<?x1xi64>) -> (!nn.rows<0>, tensor<?x1xi64>)
    %r = task.library "lookup_grad"(%k#0, %k#1, %g) options {begins = array<i64: 0>, dim = 2 : i64, pools = "none"} named "r" : (!nn.rows<0>, tensor<?x1xi64>, tensor<?x1x2xf32>) -> !nn.rows<2>
    %yes = task.library "cast"(%x) named "yes" : (tensor<?x1024xf32>) -> tensor<i1>
    task.if %yes(%r) named "rows" : (!nn.rows<2>) -> () {
      ^bb0(%a: !nn.rows<2>):
      %w = task.pull_dense @w named "pull w" : tensor<1024x512xf32>
      task.push_rows @e part("") (%a) named "push e" : !nn.rows<2>
      task.yield
    } else {
      ^bb0(%a: !nn.rows<2>):
      task.yield
    }
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @w(%dw) named "push w" : tensor<1024x512xf32>
  }
}

// -----

// A product with an end gives no blocks: it is one of packed matrices that packs its result, or cuts it at 0.
// WHY-DAG: product, update of cut, turned, ended apart: no product makes the gradient
module @ends attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline"} {
  // CHECK: module @ends
  // CHECK-NOT: update_after
  nn.parameter @cut : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @turned : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  nn.parameter @ended : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %b = task.input "b" named "b" : tensor<?x512xf32>
    %p = task.library "pack"(%x) named "p" : (tensor<?x1024xf32>) -> tensor<?x1024xbf16, #task.packed<left_transposed, host>>
    %q = task.library "pack"(%y) named "q" : (tensor<?x512xf32>) -> tensor<?x512xbf16, #task.packed<right, host>>
    %dc = task.library "matmul"(%x, %y) options {transpose_a = true, activation = "relu"} named "dc" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    %dt, %t = task.library "product"(%p, %q) named "dt" : (tensor<?x1024xbf16, #task.packed<left_transposed, host>>, tensor<?x512xbf16, #task.packed<right, host>>) -> (tensor<1024x512xf32>, tensor<1024x512xbf16, #task.packed<left, host>>)
    %de = task.library "matmul"(%x, %y, %b) options {transpose_a = true} named "de" : (tensor<?x1024xf32>, tensor<?x512xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @cut(%dc) named "push cut" : tensor<1024x512xf32>
    task.push_dense @turned(%dt) named "push turned" : tensor<1024x512xf32>
    task.push_dense @ended(%de) named "push ended" : tensor<1024x512xf32>
  }
}

// -----

// WHY-DAG: product, update of w apart: asked for by --no-fuse
module @no_fuse attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = false} {
  // CHECK: module @no_fuse
  // CHECK-NOT: update_after
  nn.parameter @w : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @local.train role("local") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @w(%dw) named "push w" : tensor<1024x512xf32>
  }
}

// -----

// WHY-DAG: product, update of dense parameters apart: servers update them, from what trainers push
// WHY-DAG: lookup_grad, update of rows apart: servers update them, from what trainers push
module @ps attributes {nn.mode = "ps", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  nn.table @e [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  // CHECK: module @ps
  // CHECK-NOT: update_after
  nn.parameter @w : tensor<1024x512xf32> init #nn.init<"zeros", 0.0>
  task.program @"cpu-trainer.train" role("cpu-trainer") graph("train") class("cpu") {
    %x = task.input "x" named "x" : tensor<?x1024xf32>
    %y = task.input "y" named "y" : tensor<?x512xf32>
    %dw = task.library "matmul"(%x, %y) options {transpose_a = true} named "dw" : (tensor<?x1024xf32>, tensor<?x512xf32>) -> tensor<1024x512xf32>
    task.push_dense @w(%dw) named "push w" : tensor<1024x512xf32>
    %i = task.input "i" named "i" : tensor<?x1xi64>
    %g = task.input "g" named "g" : tensor<?x1x2xf32>
    %k:2 = task.library "unique_keys"(%i) named "k" : (tensor<?x1xi64>) -> (!nn.rows<0>, tensor<?x1xi64>)
    %r = task.library "lookup_grad"(%k#0, %k#1, %g) options {begins = array<i64: 0>, dim = 2 : i64, pools = "none"} named "r" : (!nn.rows<0>, tensor<?x1xi64>, tensor<?x1x2xf32>) -> !nn.rows<2>
    task.push_rows @e part("") (%r) named "push e" : !nn.rows<2>
  }
}

// -----

// WHY-DAG: lookup_grad, update of e apart: rows are updated when the step is closed
module @rows attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "outline", nn.fuse = true} {
  nn.table @e [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  task.program @local.train role("local") graph("train") class("cpu") {
    %i = task.input "i" named "i" : tensor<?x1xi64>
    %g = task.input "g" named "g" : tensor<?x1x2xf32>
    %k:2 = task.library "unique_keys"(%i) named "k" : (tensor<?x1xi64>) -> (!nn.rows<0>, tensor<?x1xi64>)
    %r = task.library "lookup_grad"(%k#0, %k#1, %g) options {begins = array<i64: 0>, dim = 2 : i64, pools = "none"} named "r" : (!nn.rows<0>, tensor<?x1xi64>, tensor<?x1x2xf32>) -> !nn.rows<2>
    task.push_rows @e part("") (%r) named "push e" : !nn.rows<2>
  }
}
