// A logistic regression that reports and predicts through nn.if and nn.while. In training, the reported loss is
// that of the batch, halved where it is above 0.7 and else doubled, and then doubled until it is 8 or more; in inference
// the prediction is the model's where the examples' mean prediction is above 0, as always, and else its negative.
module @regions attributes {nn.stage = "frontend", nn.mode = "MODE", nn.seed = 3 : i64, nn.fuse = true,
    nn.data = [{name = "criteo", format = "tsv", options = {}, bindings = [
      {input = "click", expression = {op = "column", arguments = [], numbers = [0.0], texts = ["col[0]"], location = "regions:1:1"}},
      {input = "slots", expression = {op = "hash", arguments = [
        {op = "column", arguments = [], numbers = [14.0, 15.0, 16.0, 17.0], texts = ["col[14]", "col[15]", "col[16]", "col[17]"],
         location = "regions:2:1"}], numbers = [], texts = [], location = "regions:2:1"}}]}]} {
  nn.table @emb [#nn.part<"", 4, #nn.init<"uniform", 0.5>, #nn.optimizer<"adagrad", {lr = 0.05 : f64}>>]
  nn.parameter @w : tensor<4x1xf32> init #nn.init<"uniform", 0.5>
  nn.program @train {
    %slots = nn.input "slots" : tensor<?x4xi64>
    %click = nn.input "click" label : tensor<?xf32>
    %x = nn.lookup @emb part("") (%slots) pool(sum) : tensor<?x4xi64> -> tensor<?x4xf32>
    %w = nn.param @w : tensor<4x1xf32>
    %h = nn.linear %x, %w {place = #nn.place<"on:heter", "marked">} : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    %logit = nn.reshape %h : tensor<?x1xf32> -> tensor<?xf32>
    %each = nn.sigmoid_cross_entropy %logit, %click : tensor<?xf32>
    %loss = nn.reduce_mean %each axes [0] : (tensor<?xf32>) -> tensor<f32>
    nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.05 : f64}>

    %bound = nn.constant dense<0.7> : tensor<f32>
    %high = nn.compare gt %loss, %bound : tensor<f32>
    %half = nn.constant dense<0.5> : tensor<f32>
    // The heter-trainer is sent the condition and what the regions use: the examples' losses.
    %changed = nn.if %high -> tensor<f32> attributes {place = #nn.place<"on:heter", "marked">} {
      %mean = nn.reduce_mean %each axes [0] : (tensor<?xf32>) -> tensor<f32>
      %less = nn.mul %mean, %half : tensor<f32>
      nn.yield %less : tensor<f32>
    } else {
      %twice = nn.add %loss, %loss : tensor<f32>
      nn.yield %twice : tensor<f32>
    }
    %eight = nn.constant dense<8.0> : tensor<f32>
    %grown, %sum = nn.while (%changed, %x) limit(100) : (tensor<f32>, tensor<?x4xf32>) -> (tensor<f32>, tensor<?x4xf32>) {
    ^bb0(%a: tensor<f32>, %s: tensor<?x4xf32>):
      %more = nn.compare lt %a, %eight : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%a: tensor<f32>, %s: tensor<?x4xf32>):
      // Both branches double, one of them when the batch's first loss was high.
      %next = nn.if %high -> tensor<f32> {
        %twice = nn.add %a, %a : tensor<f32>
        nn.yield %twice : tensor<f32>
      } else {
        %two = nn.constant dense<2.0> : tensor<f32>
        %twice = nn.mul %a, %two : tensor<f32>
        nn.yield %twice : tensor<f32>
      }
      %t = nn.add %s, %x : tensor<?x4xf32>
      nn.yield %next, %t : tensor<f32>, tensor<?x4xf32>
    }
    nn.report "loss" name("loss") (%grown) : tensor<f32>
    // The rounds that a loop with a device's values takes do not show in the order of its sums.
    %rows = nn.reduce_sum %sum axes [1] : (tensor<?x4xf32>) -> tensor<?xf32>
    nn.report "auc" name("auc") (%rows, %click) : tensor<?xf32>, tensor<?xf32>
  }
  nn.program @infer {
    %slots = nn.input "slots" : tensor<?x4xi64>
    %click = nn.input "click" label : tensor<?xf32>
    %x = nn.lookup @emb part("") (%slots) pool(sum) : tensor<?x4xi64> -> tensor<?x4xf32>
    %w = nn.param @w : tensor<4x1xf32>
    %h = nn.linear %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    %logit = nn.reshape %h : tensor<?x1xf32> -> tensor<?xf32>
    %each = nn.sigmoid_cross_entropy %logit, %click : tensor<?xf32>
    %loss = nn.reduce_mean %each axes [0] : (tensor<?xf32>) -> tensor<f32>
    %p = nn.sigmoid %logit : tensor<?xf32>
    %mean = nn.reduce_mean %p axes [0] : (tensor<?xf32>) -> tensor<f32>
    %zero = nn.constant dense<0.0> : tensor<f32>
    %yes = nn.compare gt %mean, %zero : tensor<f32>
    // A loop on the heter-trainer, with a matmul of a captured parameter in a region.
    %one = nn.constant dense<1.0> : tensor<f32>
    %chosen, %count = nn.while (%p, %zero) limit(10) : (tensor<?xf32>, tensor<f32>) -> (tensor<?xf32>, tensor<f32>)
        attributes {place = #nn.place<"on:heter", "marked">} {
    ^bb0(%q: tensor<?xf32>, %n: tensor<f32>):
      %more = nn.compare lt %n, %one : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%q: tensor<?xf32>, %n: tensor<f32>):
      %r = nn.if %yes -> tensor<?xf32> {
        %again = nn.linear %x, %w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
        %flat = nn.reshape %again : tensor<?x1xf32> -> tensor<?xf32>
        nn.yield %flat : tensor<?xf32>
      } else {
        %away = nn.neg %q : tensor<?xf32>
        nn.yield %away : tensor<?xf32>
      }
      %m = nn.add %n, %one : tensor<f32>
      nn.yield %r, %m : tensor<?xf32>, tensor<f32>
    }
    nn.report "loss" name("loss") (%loss) : tensor<f32>
    nn.report "auc" name("auc") (%chosen, %click) : tensor<?xf32>, tensor<?xf32>
    nn.predict "p" (%chosen) : tensor<?xf32>
  }
}
