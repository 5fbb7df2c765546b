// Every pass of Heter, in the order of the stages: summary, what goes in and what comes out.
#ifndef HETER_PASSES_PASSES_TD
#define HETER_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

def Autodiff : Pass<"heter-autodiff", "::mlir::ModuleOp"> {
  let summary = "Stage 2: @train is differentiated, nn.minimize becomes updates";
  let description = [{
    Reverse-mode differentiation of the loss, through nn's DifferentiableOpInterface. The gradient of the loss itself
    is B (`nn.example_count`), so every gradient is a sum over the micro-batch's examples; a parameter's owner divides
    by the examples of the step. Each parameter and each table part that influences the loss gets one update, at the
    end of the program in the order of declaration. Backward operations take the place of their forward ones.

    Before:
    ```mlir
    %w = nn.param @w : tensor<1xf32>
    %loss = nn.reduce_mean %w axes [0] : (tensor<1xf32>) -> tensor<f32>
    nn.minimize %loss with #nn.optimizer<"sgd", {lr = 1.0e-01 : f64}>
    ```
    After:
    ```mlir
    %w = nn.param @w : tensor<1xf32>
    %loss = nn.reduce_mean %w axes [0] : (tensor<1xf32>) -> tensor<f32>
    %seed = nn.example_count
    %dw = nn.broadcast %seed dims [] : tensor<f32> -> tensor<1xf32>
    nn.update @w, %dw : tensor<1xf32>
    ```
  }];
  let dependentDialects = ["::heter::nn::NNDialect"];
}

def Simplify : Pass<"heter-simplify", "::mlir::ModuleOp"> {
  let summary = "Stage 3: folds, canonical forms, equal operations merged, dead ones removed";
  let description = [{
    Only rewrites whose f32 results are the same bits, and nothing that depends on a target. Every operation keeps
    its place, a new one takes that of the operation it replaces.

    Before:
    ```mlir
    %one = nn.constant dense<1.0> : tensor<4xf32>
    %y = nn.mul %x, %one : tensor<4xf32>
    ```
    After: uses of `%y` use `%x`.
  }];
  let dependentDialects = ["::heter::nn::NNDialect"];
}

def Distribute : Pass<"heter-distribute", "::mlir::ModuleOp"> {
  let summary = "Stage 4: parameters get owners; reads become pulls, updates become pushes";
  let description = [{
    Each distinct `#nn.optimizer` becomes one `ps.optimizer` function, which table parts and parameters name as their
    `updater`. The result does not depend on the mode.

    Before:
    ```mlir
    nn.parameter @w : tensor<4x1xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {lr = 0.1 : f64}>
    nn.program @train {
      %w = nn.param @w : tensor<4x1xf32>
      ...
      nn.update @w, %g : tensor<4x1xf32>
    }
    ```
    After:
    ```mlir
    nn.parameter @w : tensor<4x1xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {lr = 0.1 : f64}>
      updater(@sgd_0)
    ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) { ... }
    nn.program @train {
      %w = ps.pull_dense @w : tensor<4x1xf32>
      ...
      ps.push_dense @w, %g : tensor<4x1xf32>
    }
    ```
  }];
  let dependentDialects = ["::heter::ps::PSDialect"];
}

def Place : Pass<"heter-place", "::mlir::ModuleOp"> {
  let summary = "Stage 5: every op gets the role that executes it, and why";
  let description = [{
    Before (mode heter-ps):
    ```mlir
    %h = nn.relu %x {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:12:1">} : tensor<?x8xf32>
    %p = nn.sigmoid %l : tensor<?xf32>
    ```
    After:
    ```mlir
    %h = nn.relu %x {place = #nn.place<"heter-trainer.gpu", "marked `on gpu` at m.heter:12:1">} : tensor<?x8xf32>
    %p = nn.sigmoid %l {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    ```
    What reads the batch, looks up or updates rows, or reports stays on the cpu-trainer even inside a mark; its reason
    then says so. A parameter is pulled by each role that uses it and pushed by the role that computes its gradient.
  }];
  let dependentDialects = ["::heter::ps::PSDialect"];
}

def Partition : Pass<"heter-partition", "::mlir::ModuleOp"> {
  let summary = "Stage 6: one program a role, and one message for each value and role that it crosses to";
  let description = [{
    Before (places shortened to their roles):
    ```mlir
    nn.program @infer {
      %x = nn.input "dense" [cpu-trainer] : tensor<?x13xf32>
      %y = nn.relu %x [heter-trainer.gpu] : tensor<?x13xf32>
      nn.predict "y" (%y) [cpu-trainer] : tensor<?x13xf32>
    }
    ```
    After:
    ```mlir
    ps.channel @c0 graph("infer") from("cpu-trainer") to("heter-trainer.gpu") depth(1) types [tensor<?x13xf32>]
    ps.channel @c1 graph("infer") from("heter-trainer.gpu") to("cpu-trainer") depth(2) types [tensor<?x13xf32>]
    ps.program @"cpu-trainer.infer" role("cpu-trainer") graph("infer") {
      %x = nn.input "dense" : tensor<?x13xf32>
      ps.send @c0 (%x) : tensor<?x13xf32>
      %y = ps.recv @c1 : tensor<?x13xf32>
      nn.predict "y" (%y) : tensor<?x13xf32>
    }
    ps.program @"heter-trainer.gpu.infer" role("heter-trainer.gpu") graph("infer") {
      %x = ps.recv @c0 : tensor<?x13xf32>
      %y = nn.relu %x : tensor<?x13xf32>
      ps.send @c1 (%y) : tensor<?x13xf32>
    }
    ```
    Any placement that --heter-place or a person makes is cut, as long as pinned ops stay where they have to.
  }];
  let dependentDialects = ["::heter::ps::PSDialect"];
}

def Outline : Pass<"heter-outline", "::mlir::ModuleOp"> {
  let summary = "Stage 7: what each role executes: nodes, kernels, copies";
  let description = [{
    Each operation becomes a call of the runtime's library or, alone or fused with others (`nn.fuse`), of a kernel
    function. Kernels of one structure are one function. A heter-trainer computes in device memory; copies connect it
    with the host's. Optimizers become kernels as well. What is fused, what not, and why is given as remarks of the
    category `heter-fuse`.

    Before:
    ```mlir
    ps.program @"heter-trainer.gpu.infer" role("heter-trainer.gpu") graph("infer") {
      %x = ps.recv @c0 : tensor<?x8xf32>
      %h = nn.relu %x : tensor<?x8xf32>
      ...
    }
    ```
    After:
    ```mlir
    task.program @"heter-trainer.gpu.infer" role("heter-trainer.gpu") graph("infer") class("gpu") {
      %x = task.recv @c0 named "recv c0" : tensor<?x8xf32>
      %d = task.copy %x named "copy to device" : tensor<?x8xf32> to tensor<?x8xf32, #task.device>
      %h = task.kernel @relu_0(%d) named "relu" : (tensor<?x8xf32, #task.device>) -> tensor<?x8xf32, #task.device>
      ...
    }
    func.func @relu_0(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
      %h = nn.relu %x : tensor<?x8xf32>
      return %h : tensor<?x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::heter::task::TaskDialect", "::mlir::func::FuncDialect"];
}

def Updates : Pass<"heter-updates", "::mlir::ModuleOp"> {
  let summary = "Stage 8: which parameters are updated in the products that make their gradients";
  let description = [{
    In a local program, a dense parameter whose gradient outgrows a cache is updated block by block while a product
    makes the gradient, which then never goes through memory. The push says so, and names the nodes that read the
    parameter, which come before. Remarks of the category `heter-fuse` say which updates are fused so, which not, and
    why. Other programs push to servers and stay as they are.

    Before:
    ```mlir
    %g = task.library "product"(%x, %dy) named "d w"
        : (tensor<?x1024xbf16, ..>, tensor<?x512xbf16, ..>) -> tensor<1024x512xf32>
    task.push_dense @w(%g) named "push w" : tensor<1024x512xf32>
    ```
    After (nodes 2 and 5 read @w):
    ```mlir
    task.push_dense @w(%g) update_after [2, 5] named "push w" : tensor<1024x512xf32>
    ```
  }];
  let dependentDialects = ["::heter::task::TaskDialect"];
}

def Plan : Pass<"heter-plan", "::mlir::ModuleOp"> {
  let summary = "Stage 9: where each value lies in a frame's memory, and what waits for that memory";
  let description = [{
    Values that are never alive together share memory. A node whose result takes the memory of older values starts
    after all their users; these edges are written down (`after`), so that nodes may run in any order that respects
    the edges. Memory is counted in bytes a unit: of the constant segment, or of the segment of B, which is rounded
    up to 64 examples.

    Before:
    ```mlir
    %a = task.kernel @relu_0(%x) named "relu" : (tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
    After:
    ```mlir
    %a = task.kernel @relu_0(%x) named "relu" after [3] at [#task.slot<1, 0, 32>]
        : (tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = ["::heter::task::TaskDialect"];
}

#endif // HETER_PASSES_PASSES_TD
