// Where one role runs everything there is one program a graph and no channel.
// RUN: heter-opt %s --heter-partition --mlir-print-local-scope | FileCheck %s

module @m attributes {nn.stage = "place", nn.mode = "local"} {
  // CHECK-NOT: ps.channel
  // CHECK: ps.program @local.infer role("local") graph("infer") {
  // CHECK-NEXT: %[[X:.*]] = nn.input "dense" {place = #nn.place<"local", "test">} : tensor<?x4xf32>
  // CHECK-NEXT: nn.predict "x"(%[[X]]) {{.*}}
  // CHECK-NEXT: {{^  }$}}
  nn.program @infer {
    %x = nn.input "dense" {place = #nn.place<"local", "test">} : tensor<?x4xf32>
    nn.predict "x" (%x) {place = #nn.place<"local", "test">} : tensor<?x4xf32>
  }
}
