// Places are written out once, at the top, and named after their roles; what is printed parses.
// RUN: heter-opt %s | FileCheck %s
// RUN: heter-opt %s | heter-opt | FileCheck %s

// CHECK-DAG: #[[MARK:on_gpu]] = #nn.place<"on:gpu", "marked">
// CHECK-DAG: #[[GPU:heter_trainer_gpu0_?]] = #nn.place<"heter-trainer.gpu0", "why">
// CHECK-DAG: #[[FIRST:cpu_trainer[0-9]*]] = #nn.place<"cpu-trainer", "first">
// CHECK-DAG: #[[SECOND:cpu_trainer[0-9]*]] = #nn.place<"cpu-trainer", "second">
nn.program @infer {
  // CHECK: nn.example_count {place = #[[MARK]]}
  %a = nn.example_count {place = #nn.place<"on:gpu", "marked">}
  // CHECK: nn.neg %{{.*}} {place = #[[GPU]]}
  %b = nn.neg %a {place = #nn.place<"heter-trainer.gpu0", "why">} : tensor<f32>
  // CHECK: nn.neg %{{.*}} {place = #[[FIRST]]}
  %c = nn.neg %b {place = #nn.place<"cpu-trainer", "first">} : tensor<f32>
  // CHECK: nn.neg %{{.*}} {place = #[[SECOND]]}
  %d = nn.neg %c {place = #nn.place<"cpu-trainer", "second">} : tensor<f32>
}
