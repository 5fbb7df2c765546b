// What a rewrite builds takes the place of what it replaces; equal operations of unlike place are not merged.
// RUN: heter-opt %s --heter-simplify --mlir-print-local-scope | FileCheck %s

// CHECK-LABEL: nn.program @train
nn.program @train {
  %x = nn.input "x" {place = #nn.place<"cpu-trainer", "input">} : tensor<?x6xf32>
  %a = nn.reshape %x {place = #nn.place<"cpu-trainer", "a">} : tensor<?x6xf32> -> tensor<?x2x3xf32>
  %b = nn.reshape %a {place = #nn.place<"heter-trainer.gpu", "b">} : tensor<?x2x3xf32> -> tensor<?x3x2xf32>
  // CHECK: nn.reshape %{{.*}} {place = #nn.place<"heter-trainer.gpu", "b">} : tensor<?x6xf32> -> tensor<?x3x2xf32>
  nn.predict "b" (%b) : tensor<?x3x2xf32>

  %n = nn.neg %x {place = #nn.place<"cpu-trainer", "n">} : tensor<?x6xf32>
  %s = nn.add %x, %n {place = #nn.place<"heter-trainer.gpu", "s">} : tensor<?x6xf32>
  // CHECK: nn.sub %{{.*}} {place = #nn.place<"heter-trainer.gpu", "s">}
  nn.predict "s" (%s) : tensor<?x6xf32>

  %c = nn.constant {place = #nn.place<"cpu-trainer", "c">} dense<2.0> : tensor<f32>
  %d = nn.add %c, %c {place = #nn.place<"heter-trainer.gpu", "d">} : tensor<f32>
  // CHECK: nn.constant {place = #nn.place<"heter-trainer.gpu", "d">} dense<4.000000e+00>
  %e = nn.broadcast %d dims [] {place = #nn.place<"heter-trainer.gpu", "e">} : tensor<f32> -> tensor<?xf32>
  nn.predict "e" (%e) : tensor<?xf32>

  // The new inner operation and the new broadcast both belong to the old operation's place.
  %count = nn.example_count {place = #nn.place<"cpu-trainer", "count">}
  %w = nn.broadcast %count dims [] {place = #nn.place<"cpu-trainer", "w">} : tensor<f32> -> tensor<?xf32>
  %l = nn.log %w {place = #nn.place<"heter-trainer.gpu", "l">} : tensor<?xf32>
  // CHECK: %[[L:.*]] = nn.log %{{.*}} {place = #nn.place<"heter-trainer.gpu", "l">} : tensor<f32>
  // CHECK-NEXT: nn.broadcast %[[L]] dims [] {place = #nn.place<"heter-trainer.gpu", "l">}
  nn.predict "l" (%l) : tensor<?xf32>

  %f = nn.exp %x {place = #nn.place<"cpu-trainer", "f">} : tensor<?x6xf32>
  %g = nn.exp %x {place = #nn.place<"heter-trainer.gpu", "g">} : tensor<?x6xf32>
  // CHECK: nn.exp %{{.*}} {place = #nn.place<"cpu-trainer", "f">}
  nn.predict "f" (%f) : tensor<?x6xf32>
  // CHECK: nn.exp %{{.*}} {place = #nn.place<"heter-trainer.gpu", "g">}
  nn.predict "g" (%g) : tensor<?x6xf32>
}
