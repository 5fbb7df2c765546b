// Each pair of calls that stays apart though one reads what the other makes is told of, with the reason.
// RUN: heter-opt %s --split-input-file --heter-outline --remarks-filter=heter-fuse --remark-format=emitRemark -o /dev/null 2>&1 \
// RUN:     | FileCheck %s --implicit-check-not="constant, "

// What ends a product, and what does not.
module @ends attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<3x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-DAG: matmul, relu apart: others read what comes before the activation
  // CHECK-DAG: matmul, exp apart: a product ends with a bias and a relu, or a relu's mask and the sums of columns; a kernel does all else
  // CHECK-DAG: matmul, matmul apart: a product reads its factors many times, so they are made before
  // CHECK-DAG: matmul, relu apart: only the product of a linear layer does it last
  // CHECK-DAG: matmul, relu_grad apart: others read the gradient before it is masked
  // CHECK-DAG: matmul, relu_grad apart: the gradient that is masked comes later
  // CHECK-DAG: matmul, dropout apart: generated kernels draw no random numbers, and products end otherwise
  // CHECK-DAG: dropout, tanh apart: generated kernels draw no random numbers, and products end otherwise
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %w = ps.pull_dense @w : tensor<3x3xf32>
    %l = nn.linear %x, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %r = nn.relu %l : tensor<?x3xf32>
    %e = nn.exp %l : tensor<?x3xf32>
    %d = nn.dropout %l rate(0.5) path("d") : tensor<?x3xf32>
    %t = nn.tanh %d : tensor<?x3xf32>
    %m = nn.matmul %l, %w : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %n = nn.relu %m : tensor<?x3xf32>
    %g = nn.matmul %x, %w {transpose_b = true} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %k = nn.relu_grad %g, %l : tensor<?x3xf32>
    nn.predict "r"(%r) : tensor<?x3xf32>
    nn.predict "e"(%e) : tensor<?x3xf32>
    nn.predict "t"(%t) : tensor<?x3xf32>
    nn.predict "n"(%n) : tensor<?x3xf32>
    nn.predict "g"(%g) : tensor<?x3xf32>
    nn.predict "k"(%k) : tensor<?x3xf32>
  }
}

// -----

// A masking kernel that no product takes over.
module @masks attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @v : tensor<3x2xf32> init #nn.init<"zeros", 0.0>
  // CHECK-DAG: matmul, relu_grad apart: a product masks a gradient and sums its columns, and this kernel does more or else
  // CHECK-DAG: matmul, relu_grad apart: products of a matrix an example mask nothing
  // CHECK-DAG: matmul, relu_grad apart: the activation is not there before the product
  ps.program @local.train role("local") graph("train") {
    %y = nn.input "y" : tensor<?x3xf32>
    %g = nn.input "g" : tensor<?x2xf32>
    %m = nn.input "m" : tensor<?x2x3xf32>
    %n = nn.input "n" : tensor<?x3x3xf32>
    %v = ps.pull_dense @v : tensor<3x2xf32>
    %dz = nn.matmul %y, %v : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
    %dk = nn.relu_grad %dz, %g : tensor<?x2xf32>
    %rows = nn.reduce_sum %dk axes [1] : (tensor<?x2xf32>) -> tensor<?xf32>
    nn.predict "dk"(%dk) : tensor<?x2xf32>
    nn.predict "rows"(%rows) : tensor<?xf32>
    %each = nn.matmul %m, %m {transpose_a = true} : (tensor<?x2x3xf32>, tensor<?x2x3xf32>) -> tensor<?x3x3xf32>
    %de = nn.relu_grad %each, %n : tensor<?x3x3xf32>
    nn.predict "de"(%de) : tensor<?x3x3xf32>
    %dy = nn.matmul %g, %v {transpose_b = true} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
    %late = nn.dropout %y rate(0.5) path("late") : tensor<?x3xf32>
    %dl = nn.relu_grad %dy, %late : tensor<?x3xf32>
    nn.predict "late"(%late) : tensor<?x3xf32>
    nn.predict "dl"(%dl) : tensor<?x3xf32>
  }
}

// -----

// Products of packed matrices.
module @packed attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.parameter @w : tensor<3x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-DAG: tanh, pack apart: only a product or a lookup packs what it makes
  // CHECK-DAG: pack, product apart: a matrix is packed once, for all products that read it
  // CHECK-DAG: product, product apart: a product reads its factors many times, so they are made before
  // CHECK-DAG: product, relu_grad apart: the activation is not packed before the product
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x3xf32>
    %y = nn.input "y" : tensor<?x3xf32>
    %w = ps.pull_dense @w : tensor<3x3xf32>
    %t = nn.tanh %x : tensor<?x3xf32>
    %l = nn.linear %t, %w precision(bf16) : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %k = nn.linear %l, %w precision(bf16) : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    nn.predict "t"(%t) : tensor<?x3xf32>
    %g = nn.matmul %k, %w precision(bf16) {transpose_b = true} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
    %d = nn.relu_grad %g, %y : tensor<?x3xf32>
    nn.predict "d"(%d) : tensor<?x3xf32>
  }
}

// -----

// Lookups, and what moves values.
module @moves attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.parameter @w : tensor<6x3xf32> init #nn.init<"zeros", 0.0>
  // CHECK-DAG: unique_keys, lookup apart: the rows are pulled between them
  // CHECK-DAG: unique_keys, lookup_grad apart: the keys are found before the rows are pulled, and the gradients come after
  // CHECK-DAG: lookup, reshape apart: others read the lookup in its own shape
  // CHECK-DAG: lookup, concat apart: not one row of floats an example is joined
  // CHECK-DAG: lookup, concat apart: others read the lookup
  // CHECK-DAG: lookup, reduce_sum apart: a kernel reads what a lookup has gathered, and gathers nothing itself
  // CHECK-DAG: reshape, concat apart: only a lookup writes into a concat's rows
  // CHECK-DAG: concat, slice apart: the loops of a kernel run over one shape, and this moves values to another
  // CHECK-DAG: slice, lookup_grad apart: only a part of one row of floats an example is read in place
  // CHECK-DAG: tanh, lookup_grad apart: gradients are summed in the order of the keys, not in that in which they are made
  ps.program @local.train role("local") graph("train") {
    %ids = nn.input "ids" : tensor<?x3xi64>
    %others = nn.input "others" : tensor<?x3xi64>
    %dense = nn.input "dense" : tensor<?x1x2xf32>
    %x = ps.pull_rows @a part("") (%ids) : tensor<?x3xi64> -> tensor<?x3x2xf32>
    %flat = nn.reshape %x : tensor<?x3x2xf32> -> tensor<?x6xf32>
    %wide = nn.concat %flat, %flat axis(1) : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x12xf32>
    %sum = nn.reduce_sum %x axes [1] : (tensor<?x3x2xf32>) -> tensor<?x2xf32>
    %deep = nn.concat %dense, %x axis(1) : (tensor<?x1x2xf32>, tensor<?x3x2xf32>) -> tensor<?x4x2xf32>
    %y = ps.pull_rows @a part("") (%others) : tensor<?x3xi64> -> tensor<?x3x2xf32>
    %all = nn.concat %dense, %y axis(1) : (tensor<?x1x2xf32>, tensor<?x3x2xf32>) -> tensor<?x4x2xf32>
    %part = nn.slice %all axis(1) range(1, 4) : (tensor<?x4x2xf32>) -> tensor<?x3x2xf32>
    %t = nn.tanh %dense : tensor<?x1x2xf32>
    %single = nn.input "single" : tensor<?x1xi64>
    nn.predict "wide"(%wide) : tensor<?x12xf32>
    nn.predict "sum"(%sum) : tensor<?x2xf32>
    nn.predict "deep"(%deep) : tensor<?x4x2xf32>
    %rx = nn.lookup_grad %others, %part : (tensor<?x3xi64>, tensor<?x3x2xf32>) -> !nn.rows<2>
    %rs = nn.lookup_grad %single, %t : (tensor<?x1xi64>, tensor<?x1x2xf32>) -> !nn.rows<2>
    ps.push_rows @a part("") %rx : !nn.rows<2>
    ps.push_rows @a part("") %rs : !nn.rows<2>
  }
}

// -----

// Kernels of generated code; each reason is told of the groups as they are in the end.
module @kernels attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  // CHECK-DAG: neg, softmax apart: a softmax looks along its rows more than once, in a kernel of its own
  // CHECK-DAG: softmax, square apart: a softmax looks along its rows more than once, in a kernel of its own
  // CHECK-DAG: reduce_sum, exp apart: a reduction ends its kernel
  // CHECK-DAG: tanh, broadcast apart: others read a value of another shape
  // CHECK-DAG: sigmoid, broadcast apart: it would be computed again for every element of a broadcast
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %s = nn.input "s" : tensor<?xf32>
    %n = nn.neg %x : tensor<?x4xf32>
    %o = nn.softmax %n axis(1) : tensor<?x4xf32>
    %q = nn.square %o : tensor<?x4xf32>
    nn.predict "q"(%q) : tensor<?x4xf32>
    %sum = nn.reduce_sum %x axes [1] : (tensor<?x4xf32>) -> tensor<?xf32>
    %e = nn.exp %sum : tensor<?xf32>
    nn.predict "e"(%e) : tensor<?xf32>
    %t = nn.tanh %s : tensor<?xf32>
    %tb = nn.broadcast %t dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    nn.predict "t"(%t) : tensor<?xf32>
    nn.predict "tb"(%tb) : tensor<?x4xf32>
    %u = nn.input "u" : tensor<?xf32>
    %g = nn.sigmoid %u : tensor<?xf32>
    %gb = nn.broadcast %g dims [0] : tensor<?xf32> -> tensor<?x4xf32>
    nn.predict "gb"(%gb) : tensor<?x4xf32>
  }
}

// -----

// Messages, memory and regions.
module @roles attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  nn.table @a [#nn.part<"", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 5.0e-02 : f64}>>]
  nn.parameter @w : tensor<4x4xf32> init #nn.init<"zeros", 0.0>
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x4xf32>]
  ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x4xf32>]
  // CHECK-DAG: matmul, relu apart: a message is sent or received between them
  // CHECK-DAG: tanh, mul apart: a message is sent or received between them
  // CHECK-DAG: relu, if apart: the regions of an if or a while are graphs of their own
  // CHECK-DAG: if, square apart: the regions of an if or a while are graphs of their own
  ps.program @"cpu-trainer.train" role("cpu-trainer") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    %w = ps.pull_dense @w : tensor<4x4xf32>
    %t = nn.tanh %x : tensor<?x4xf32>
    %l = nn.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    ps.send @c0 (%t) : tensor<?x4xf32>
    %b = ps.recv @c1 : tensor<?x4xf32>
    %m = nn.mul %t, %b : tensor<?x4xf32>
    %r = nn.relu %l : tensor<?x4xf32>
    nn.predict "m"(%m) : tensor<?x4xf32>
    %yes = nn.constant dense<true> : tensor<i1>
    %i = nn.if %yes -> tensor<?x4xf32> {
      %e = nn.exp %r : tensor<?x4xf32>
      nn.yield %e : tensor<?x4xf32>
    } else {
      nn.yield %r : tensor<?x4xf32>
    }
    %q = nn.square %i : tensor<?x4xf32>
    nn.predict "q"(%q) : tensor<?x4xf32>
  }
  // CHECK-DAG: tanh, lookup_grad apart: one is in the accelerator's memory, the other in the host's
  ps.program @"heter-trainer.gpu.train" role("heter-trainer.gpu") graph("train") {
    %x = ps.recv @c0 : tensor<?x4xf32>
    %ids = nn.input "ids" : tensor<?xi64>
    %y = nn.tanh %x : tensor<?x4xf32>
    %rows = nn.lookup_grad %ids, %y : (tensor<?xi64>, tensor<?x4xf32>) -> !nn.rows<4>
    ps.push_rows @a part("") %rows : !nn.rows<4>
    ps.send @c1 (%y) : tensor<?x4xf32>
  }
}

// -----

// CHECK-DAG: all operations apart: asked for by --no-fuse
module @no_fuse attributes {nn.mode = "local", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = false} {
  ps.program @local.train role("local") graph("train") {
    %x = nn.input "x" : tensor<?x4xf32>
    nn.predict "x"(%x) : tensor<?x4xf32>
  }
}
