// A model may call its parameters as the compiler calls its channels.
// RUN: heter-opt %s --heter-partition | FileCheck %s

module @m attributes {nn.stage = "place", nn.mode = "heter-ps"} {
  nn.parameter @c0 : tensor<4xf32> init #nn.init<"zeros", 0.0>
  // CHECK: ps.channel @c1 {{.*}}depth(1)
  // CHECK: ps.channel @c2 {{.*}}depth(2)
  nn.program @infer {
    %x = nn.input "dense" {place = #nn.place<"cpu-trainer", "test">} : tensor<?x4xf32>
    %y = nn.relu %x {place = #nn.place<"heter-trainer.gpu", "test">} : tensor<?x4xf32>
    nn.predict "y" (%y) {place = #nn.place<"cpu-trainer", "test">} : tensor<?x4xf32>
  }
}
