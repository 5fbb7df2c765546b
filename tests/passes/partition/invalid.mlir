// Placements that are not legal.
// RUN: heter-opt %s --split-input-file --verify-diagnostics --heter-partition

module attributes {nn.mode = "heter-ps"} {
  nn.program @infer {
    // expected-error @+1 {{'nn.input' op has no place}}
    %x = nn.input "dense" : tensor<?x13xf32>
  }
}

// -----

module attributes {nn.mode = "heter-ps"} {
  nn.program @infer {
    // expected-error @+1 {{'nn.input' op expected the role of a trainer in mode heter-ps, got "local"}}
    %x = nn.input "dense" {place = #nn.place<"local", "test">} : tensor<?x13xf32>
  }
}

// -----

module attributes {nn.mode = "ps"} {
  nn.program @infer {
    %x = nn.input "dense" {place = #nn.place<"cpu-trainer", "test">} : tensor<?x13xf32>
    // expected-error @+1 {{'nn.relu' op expected the role of a trainer in mode ps, got "heter-trainer.gpu"}}
    %y = nn.relu %x {place = #nn.place<"heter-trainer.gpu", "test">} : tensor<?x13xf32>
  }
}

// -----

module attributes {nn.mode = "heter-ps"} {
  nn.program @infer {
    %x = nn.input "dense" {place = #nn.place<"cpu-trainer", "test">} : tensor<?x13xf32>
    // expected-error @+1 {{'nn.relu' op expected the role of a trainer in mode heter-ps, got "on:gpu"}}
    %y = nn.relu %x {place = #nn.place<"on:gpu", "test">} : tensor<?x13xf32>
  }
}

// -----

module attributes {nn.mode = "heter-ps"} {
  nn.program @infer {
    // expected-error @+1 {{'nn.input' op cannot be placed on heter-trainer.gpu: cpu-trainers read the data}}
    %x = nn.input "dense" {place = #nn.place<"heter-trainer.gpu", "test">} : tensor<?x13xf32>
  }
}

// -----

module attributes {nn.mode = "heter-ps"} {
  nn.table @hot [#nn.part<"", 8, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>]
  nn.program @train {
    %ids = nn.input "slots" {place = #nn.place<"cpu-trainer", "test">} : tensor<?xi64>
    %rows = ps.pull_rows @hot part("") (%ids) {place = #nn.place<"heter-trainer.gpu", "test">} : tensor<?xi64> -> tensor<?x8xf32>
    %grad = nn.lookup_grad %ids, %rows {place = #nn.place<"cpu-trainer", "test">} : (tensor<?xi64>, tensor<?x8xf32>) -> !nn.rows<8>
    // expected-error @+1 {{'ps.push_rows' op cannot be placed on heter-trainer.gpu: its row gradients are made on cpu-trainer, and trainers do not send rows to each other}}
    ps.push_rows @hot part("") %grad {place = #nn.place<"heter-trainer.gpu", "test">} : !nn.rows<8>
  }
}

// -----

module attributes {nn.mode = "heter-ps"} {
  // expected-error @+1 {{'ps.optimizer' op expected to be placed on server, which owns the values}}
  ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
    ps.yield %value : tensor<?xf32>
  }
}

// -----

module attributes {nn.mode = "local"} {
  // expected-error @+1 {{'nn.parameter' op cannot be called local.infer: that is the name of a role's program}}
  nn.parameter @local.infer : tensor<4xf32> init #nn.init<"zeros", 0.0>
  nn.program @infer {
  }
}

// -----

module attributes {nn.stage = "place", nn.mode = "heter-ps"} {
  nn.program @infer {
    %yes = nn.constant {place = #nn.place<"cpu-trainer", "">} dense<true> : tensor<i1>
    %x = nn.example_count {place = #nn.place<"cpu-trainer", "">}
    %r = nn.if %yes -> tensor<f32> attributes {place = #nn.place<"cpu-trainer", "">} {
      // expected-error @+1 {{'nn.neg' op expected the role of nn.if around it, "cpu-trainer"}}
      %y = nn.neg %x {place = #nn.place<"heter-trainer.gpu", "">} : tensor<f32>
      nn.yield %y : tensor<f32>
    } else {
      nn.yield %x : tensor<f32>
    }
  }
}
