// A region op is placed whole with the ops inside and cut as one op: what its regions use crosses like operands, and
// constants are cloned to where it goes.
// RUN: heter-opt %s --heter-place --heter-partition --mlir-print-local-scope | FileCheck %s

module @m attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "distribute"} {
  // CHECK: ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<i1>, tensor<?xf32>, tensor<f32>]
  // CHECK: ps.channel @c1 graph("train") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?xf32>]
  nn.program @train {
    %x = nn.input "x" : tensor<?xf32>
    %zero = nn.constant dense<0.0> : tensor<f32>
    %mean = nn.reduce_mean %x axes [0] : (tensor<?xf32>) -> tensor<f32>
    // CHECK: ps.program @"cpu-trainer.train"
    // CHECK: %[[YES:.*]] = nn.compare
    // CHECK: ps.send @c0(%[[YES]], %{{.*}}, %{{.*}})
    %yes = nn.compare gt %mean, %zero : tensor<f32>
    // CHECK: %[[R:.*]] = ps.recv @c1
    // CHECK: nn.while(%[[R]]) {{.*}} attributes {place = #nn.place<"cpu-trainer", "not marked; whole, with the 2 ops inside">}
    // CHECK: ps.program @"heter-trainer.gpu.train"
    // CHECK-NEXT: %[[C:.*]]:3 = ps.recv @c0
    // CHECK-NEXT: %[[ZERO:.*]] = nn.constant
    // CHECK-NEXT: %[[IF:.*]] = nn.if %[[C]]#0 -> tensor<?xf32> attributes {place = #nn.place<"heter-trainer.gpu", "marked `on gpu`; whole, with the 5 ops inside">} {
    // The mark of an op inside does not count.
    // CHECK: nn.relu %[[C]]#1 {place = #nn.place<"heter-trainer.gpu", "marked `on gpu`; whole, with the 5 ops inside">}
    // CHECK: nn.broadcast %[[C]]#2
    // CHECK: nn.broadcast %[[ZERO]]
    // CHECK: ps.send @c1(%[[IF]])
    %r = nn.if %yes -> tensor<?xf32> attributes {place = #nn.place<"on:gpu", "marked `on gpu`">} {
      %a = nn.relu %x {place = #nn.place<"on:xpu", "marked `on xpu`">} : tensor<?xf32>
      %wide = nn.broadcast %mean dims [] : tensor<f32> -> tensor<?xf32>
      %b = nn.add %a, %wide : tensor<?xf32>
      nn.yield %b : tensor<?xf32>
    } else {
      %wide = nn.broadcast %zero dims [] : tensor<f32> -> tensor<?xf32>
      %b = nn.add %x, %wide : tensor<?xf32>
      nn.yield %b : tensor<?xf32>
    }
    %s = nn.while (%r) limit(2) : (tensor<?xf32>) -> tensor<?xf32> {
    ^bb0(%a: tensor<?xf32>):
      %again = nn.compare gt %mean, %zero : tensor<f32>
      nn.yield %again : tensor<i1>
    } do {
    ^bb0(%a: tensor<?xf32>):
      %b = nn.neg %a : tensor<?xf32>
      nn.yield %b : tensor<?xf32>
    }
    nn.predict "p" (%s) : tensor<?xf32>
  }
}
