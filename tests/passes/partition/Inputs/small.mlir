// A model at stage place: a table, two parameters used forward and backward, both graphs.
module @small attributes {nn.mode = "heter-ps", nn.stage = "place"} {
  nn.table @emb [#nn.part<"", 9, <"uniform", 1.000000e-02>, <"sgd", {lr = 1.000000e-01 : f64}>>]
  nn.parameter @w : tensor<9x1xf32> init <"zeros", 0.000000e+00>
  nn.parameter @b : tensor<1xf32> init <"zeros", 0.000000e+00>
  nn.program @train {
    %0 = nn.input "slots" {place = #nn.place<"cpu-trainer", "cpu-trainers read the data">} : tensor<?x26xi64>
    %1 = nn.input "click" label {place = #nn.place<"cpu-trainer", "cpu-trainers read the data">} : tensor<?xf32>
    %2 = ps.pull_rows @emb part("") (%0) pool( sum) {place = #nn.place<"cpu-trainer", "cpu-trainers look up rows">} : tensor<?x26xi64> -> tensor<?x9xf32>
    %3 = ps.pull_dense @w {place = #nn.place<"heter-trainer.heter", "pulled where it is used first by `nn.linear` at in.mlir:12:10">} : tensor<9x1xf32>
    %4 = ps.pull_dense @w {place = #nn.place<"cpu-trainer", "pulled where it is used first by `nn.matmul` at in.mlir:25:11">} : tensor<9x1xf32>
    %5 = ps.pull_dense @b {place = #nn.place<"heter-trainer.heter", "pulled where it is used first by `nn.linear` at in.mlir:12:10">} : tensor<1xf32>
    %6 = nn.linear %2, %3, %5 {place = #nn.place<"heter-trainer.heter", "marked">} : (tensor<?x9xf32>, tensor<9x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    %7 = nn.reshape %6 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?x1xf32> -> tensor<?xf32>
    %8 = nn.sigmoid_cross_entropy %7, %1 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    %9 = nn.reduce_mean %8 axes [0] {place = #nn.place<"cpu-trainer", "not marked">} : (tensor<?xf32>) -> tensor<f32>
    %10 = nn.sigmoid %7 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    %11 = nn.sub %10, %1 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    %12 = nn.example_count {place = #nn.place<"cpu-trainer", "not marked">}
    %13 = nn.broadcast %12 dims [] {place = #nn.place<"cpu-trainer", "not marked">} : tensor<f32> -> tensor<?xf32>
    %14 = nn.div %11, %13 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    %15 = nn.mul %14, %13 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32>
    %16 = nn.reshape %15 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?xf32> -> tensor<?x1xf32>
    %17 = nn.reduce_sum %16 axes [0] {place = #nn.place<"cpu-trainer", "not marked">} : (tensor<?x1xf32>) -> tensor<1xf32>
    %18 = nn.matmul %2, %16 {place = #nn.place<"cpu-trainer", "not marked">, transpose_a = true} : (tensor<?x9xf32>, tensor<?x1xf32>) -> tensor<9x1xf32>
    %19 = nn.matmul %16, %4 {place = #nn.place<"cpu-trainer", "not marked">, transpose_b = true} : (tensor<?x1xf32>, tensor<9x1xf32>) -> tensor<?x9xf32>
    %20 = nn.lookup_grad %0, %19 pool(sum) {place = #nn.place<"cpu-trainer", "row gradients stay on the cpu-trainer">} : (tensor<?x26xi64>, tensor<?x9xf32>) -> !nn.rows<9>
    nn.report "loss" name("loss") (%9) {place = #nn.place<"cpu-trainer", "cpu-trainers report">} : tensor<f32>
    nn.report "auc" name("auc") (%10, %1) {place = #nn.place<"cpu-trainer", "cpu-trainers report">} : tensor<?xf32>, tensor<?xf32>
    ps.push_dense @w, %18 {place = #nn.place<"cpu-trainer", "pushed where its gradient is made by `nn.matmul` at in.mlir:24:11">} : tensor<9x1xf32>
    ps.push_dense @b, %17 {place = #nn.place<"cpu-trainer", "pushed where its gradient is made by `nn.reduce_sum` at in.mlir:23:11">} : tensor<1xf32>
    ps.push_rows @emb part("") %20 {place = #nn.place<"cpu-trainer", "row gradients stay on the cpu-trainer">} : <9>
  }
  nn.program @infer {
    %0 = nn.input "slots" {place = #nn.place<"cpu-trainer", "cpu-trainers read the data">} : tensor<?x26xi64>
    %1 = ps.pull_rows @emb part("") (%0) pool( sum) {place = #nn.place<"cpu-trainer", "cpu-trainers look up rows">} : tensor<?x26xi64> -> tensor<?x9xf32>
    %2 = ps.pull_dense @w {place = #nn.place<"heter-trainer.heter", "pulled where it is used first by `nn.linear` at in.mlir:38:10">} : tensor<9x1xf32>
    %3 = ps.pull_dense @b {place = #nn.place<"heter-trainer.heter", "pulled where it is used first by `nn.linear` at in.mlir:38:10">} : tensor<1xf32>
    %4 = nn.linear %1, %2, %3 {place = #nn.place<"heter-trainer.heter", "marked">} : (tensor<?x9xf32>, tensor<9x1xf32>, tensor<1xf32>) -> tensor<?x1xf32>
    %5 = nn.sigmoid %4 {place = #nn.place<"cpu-trainer", "not marked">} : tensor<?x1xf32>
    nn.predict "p"(%5) {place = #nn.place<"cpu-trainer", "cpu-trainers report">} : tensor<?x1xf32>
  }
}

