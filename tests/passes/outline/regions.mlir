// nn.if and nn.while become nodes with graphs of their own: constants are made inside, other values are captured, and on
// a heter-trainer the conditions are copied to the host.
// RUN: heter-opt %s --heter-outline | FileCheck %s
// RUN: heter-opt %s --heter-outline --heter-plan | heter-opt | FileCheck %s --check-prefix=PLAN

// PLAN: task.while(%{{.*}}) captured(%{{.*}}) limit(4) named "while"{{.*}} at
// PLAN-SAME: segments
module @m attributes {nn.mode = "heter-ps", nn.seed = 0 : i64, nn.stage = "partition", nn.fuse = true} {
  ps.channel @c0 graph("train") from("cpu-trainer") to("heter-trainer.heter") depth(1) types [tensor<?xf32>, tensor<f32>, tensor<i1>]
  ps.channel @c1 graph("train") from("heter-trainer.heter") to("cpu-trainer") depth(2) types [tensor<?xf32>, tensor<f32>]

  // CHECK: task.program @"heter-trainer.heter.train"
  ps.program @"heter-trainer.heter.train" role("heter-trainer.heter") graph("train") {
    // CHECK: %[[RECV:.*]]:3 = task.recv @c0
    %x, %b, %c = ps.recv @c0 : tensor<?xf32>, tensor<f32>, tensor<i1>
    %one = nn.constant dense<1.0> : tensor<f32>
    // CHECK: %[[B:.*]] = task.copy %[[RECV]]#1 named "copy to device"
    // CHECK: %[[X:.*]] = task.copy %[[RECV]]#0 named "copy to device"
    // CHECK: %[[IF:.*]] = task.if %[[RECV]]#2(%[[B]], %[[X]]) named "if" : {{.*}} -> tensor<?xf32, #task.device> {
    // CHECK-NEXT: ^bb0(%[[IB:.*]]: tensor<f32, #task.device>, %[[IX:.*]]: tensor<?xf32, #task.device>):
    // CHECK-NEXT: %[[Y:.*]] = task.kernel @mul_0(%[[IB]], %[[IX]])
    // CHECK-NEXT: task.yield %[[Y]]
    // CHECK: } else {
    // CHECK: task.yield %{{.*}}
    %r = nn.if %c -> tensor<?xf32> {
      %wide = nn.broadcast %b dims [] : tensor<f32> -> tensor<?xf32>
      %y = nn.mul %x, %wide : tensor<?xf32>
      nn.yield %y : tensor<?xf32>
    } else {
      nn.yield %x : tensor<?xf32>
    }
    // CHECK: %[[WHILE:.*]] = task.while(%[[B]]) captured(%[[IF]]) limit(4) named "while"
    // CHECK: task.kernel @compare_0
    // CHECK: %[[MORE:.*]] = task.copy %{{.*}} named "copy to host" : tensor<i1, #task.device> to tensor<i1>
    // CHECK-NEXT: task.yield %[[MORE]] : tensor<i1>
    // CHECK: } do {
    // CHECK: task.kernel @reduce_sum_0
    // CHECK: task.kernel @add_0
    %s = nn.while (%b) limit(4) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%a: tensor<f32>):
      %more = nn.compare lt %a, %one : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%a: tensor<f32>):
      %sum = nn.reduce_sum %r axes [0] : (tensor<?xf32>) -> tensor<f32>
      %next = nn.add %a, %sum : tensor<f32>
      nn.yield %next : tensor<f32>
    }
    // CHECK: task.send @c1
    ps.send @c1 (%r, %s) : tensor<?xf32>, tensor<f32>
  }
}
