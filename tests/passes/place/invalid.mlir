// What cannot be placed.
// RUN: heter-opt %s --split-input-file --verify-diagnostics --heter-place

// expected-error @+1 {{mode heter-ps needs to know what goes to heter-trainers: mark a region with `on heter`}}
module attributes {nn.stage = "distribute", nn.mode = "heter-ps"} {
  nn.program @infer {
    %x = nn.input "dense" : tensor<?x13xf32>
    %y = nn.relu %x {place = #nn.place<"on:auto", "marked `on auto` at m.heter:3:1">} : tensor<?x13xf32>
    %z = nn.relu %y {place = #nn.place<"on:cpu", "marked `on cpu` at m.heter:4:1">} : tensor<?x13xf32>
  }
}

// -----

// expected-error @+1 {{expected the attribute nn.mode on the module}}
module {
}
