// The compiled package, as heterc writes it and every role reads it. `<role>.program` files hold one RoleProgram,
// `package.bin` holds one PackageInfo; both are Thrift's binary protocol. docs/formats/package.md is the page for people.
namespace cpp heter.runtime.package

cpp_include "runtime/package/RecursiveList.h"

// The format's version: bumped on every incompatible change; a reader refuses any other.
const i32 FORMAT_VERSION = 7

enum ElementType { F32 = 1, I64 = 2, BOOL = 3, BF16 = 4 } // BF16 lies packed, all else row-major

// How a matrix of BF16 lies: as the left or the right factor of a product, it or its transpose, in tiles of 1 KB.
enum Packing { NONE = 0, LEFT = 1, LEFT_TRANSPOSED = 2, RIGHT = 3, RIGHT_TRANSPOSED = 4 }

// Where a value lives. A program without an accelerator has only HOST values. Only COPY nodes read one and write the other.
enum Space { HOST = 1, DEVICE = 2 }

enum ValueKind {
  TENSOR = 1,
  RAGGED = 2, // per example a list: i64 or f32 elements and offsets of examples + 1 entries
  ROWS = 3    // a sparse gradient: unique i64 keys, one f32 row each, summed
}

struct TensorType {
  1: required ElementType element
  2: required list<i64> shape // -1, only first: the example count B. For RAGGED and ROWS: the shape of one element or row.
  3: Packing packing = Packing.NONE // of BF16, which has rank 2
}

// Segment 0 is constant-size memory, segment 1 scales with roundup(B, 64), further ones with the element count of
// ragged input `symbol`. A value with segment -1 has no place in the frame's arena: whoever produces it brings its memory.
struct Value {
  1: required string name
  2: required ValueKind kind
  3: required TensorType type
  4: required Space space
  5: required i32 segment
  6: required i64 offset // bytes a unit of the segment (segment 0: bytes)
  7: required i64 bytes  // bytes a unit of the segment
}

struct Segment {
  1: required string symbol // "" constant, "B" examples, else the ragged input's name
  2: required Space space
  3: required i64 bytes // a unit
}

union Attribute {
  1: i64 integer
  2: double number
  3: string text
  4: list<i64> integers
  5: bool flag
}

enum NodeKind {
  INPUT = 1,      // attribute "input": brings the batch's tensor of that name
  PULL_ROWS = 2,  // attributes "table", "part": keys (ROWS of dim 0) -> ROWS
  PULL_DENSE = 3, // attribute "parameter": the version that the frame has pinned
  PUSH_ROWS = 4,  // attributes "table", "part": takes ROWS, and of a counting part ROWS of shows and clicks of the same keys
  PUSH_DENSE = 5, // attribute "parameter": takes the gradient sum; "update_after": may be updated in the product
  SEND = 6,       // attribute "channel": takes the channel's values
  RECV = 7,       // attribute "channel": gives the channel's values
  KERNEL = 8,     // callee: a symbol of the kernel object, called with its inputs, then its outputs
  LIBRARY = 9,    // callee: a library kernel's name; attributes are its own
  COPY = 10,      // between HOST and DEVICE
  REPORT = 11,    // attributes "metric" (auc, loss), "name"
  PREDICT = 12,   // attribute "name"
  IF = 13,        // inputs: condition (BOOL scalar), captured values; regions: then, else; outputs: the regions' results
  WHILE = 14      // inputs: carried values, then captured ones; regions: condition, body; attribute "limit"
}

struct Node {
  1: required NodeKind kind
  2: required string name   // for people: what it computes, e.g. "deep.0 relu"
  3: required string callee // KERNEL and LIBRARY only
  4: required list<i32> inputs  // value indices of this graph
  5: required list<i32> outputs
  6: required list<i32> after   // nodes that must end before this one starts: memory reuse and ordering
  7: required map<string, Attribute> attributes
  8: required list<Graph> cpp_type "::heter::runtime::package::RecursiveList<Graph>" regions
  9: required string location // FILE:LINE:COL of the source, or ""
}

// One SSA graph. In a region the first values are its arguments, in order.
struct Graph {
  1: required list<Value> values
  2: required list<Node> nodes // in a legal order
  3: required list<Segment> segments
  4: required list<i32> arguments
  5: required list<i32> results
}

struct Initializer {
  1: required string kind // zeros, ones, constant, uniform, normal
  2: required double scale
}

// An optimizer as its owner runs it: kernel `callee` computes, over the n elements of a row or of a piece of a dense block,
//   (value[n], slot_0[n] .., scalars[scalars], gradient[n], rate?) -> (value[n], slot_0[n] .., scalars[scalars])
// where the gradient is already the mean over the step's examples. Slots begin at slotInit, scalars at scalarInit. An
// optimizer without scalars is elementwise, so that n may span rows.
struct Optimizer {
  1: required string name   // sgd, adagrad, adam, ..
  2: required string callee
  3: required list<string> slots   // names, e.g. "moment1", "moment2"
  4: required list<double> slotInit
  5: required list<string> scalars // names, e.g. "moment1_weight"; one of each a row or parameter
  6: required list<double> scalarInit
  7: required string schedule // kernel from the steps closed before (i64) to the learning rate (f32); "": no argument `rate`
  8: required string averaged // the slot that stands for the value in tests and predictions and begins as it, or ""
  9: required string text     // as the model has it, options left out included: "adam(beta1: 0.9, .., lr: 0.001)"
}

// A rule of a table: what it is, its numbers and its texts.
struct Rule {
  1: required string kind
  2: required map<string, double> numbers
  3: required map<string, string> texts
}

struct Part {
  1: required string name // "" if the table has one part
  2: required i64 dim
  3: required Initializer init
  4: required Optimizer optimizer
  5: required Rule admit // when a key gets this part, which reads as zeros before: "" always, count, probability, score
}

struct Table {
  1: required string name
  2: required list<Part> parts
  3: required list<Rule> policy // how rows are scored, and which are kept; docs/formats/package.md lists the rules
}

struct Parameter {
  1: required string name // its path
  2: required list<i64> shape
  3: required Initializer init
  4: required Optimizer optimizer
}

struct ChannelValue {
  1: required ValueKind kind
  2: required TensorType type
}

struct Channel {
  1: required string name
  2: required string sender   // role key: cpu-trainer, heter-trainer.CLASS
  3: required string receiver
  4: required i32 depth       // most role crossings on any path from an input
  5: required list<ChannelValue> values
}

// The data binding, resolved: `op` over `arguments`; numbers and texts are its constants. docs/formats/package.md lists the ops.
struct DataExpression {
  1: required string op
  2: required list<DataExpression> arguments
  3: required list<double> numbers
  4: required list<string> texts
  5: required string location
}

struct Binding {
  1: required string input
  2: required DataExpression expression
}

struct DataSource {
  1: required string name
  2: required string format // tsv, csv, slot
  3: required map<string, Attribute> options
  4: required list<Binding> bindings
}

struct Input {
  1: required string name
  2: required ValueKind kind
  3: required TensorType type // TENSOR: without the leading B; RAGGED: of one element
  4: required bool label
  5: required string length // RAGGED: the name of the length that several inputs may share, or ""
}

// What one role executes.
struct RoleProgram {
  1: required string role        // role key: local, cpu-trainer, server, heter-trainer.CLASS
  2: required string deviceClass // cpu, or CLASS
  3: required Graph train
  4: required Graph infer   // test data: what train computes, without updates
  5: required Graph predict // no label is read; empty in every role if the model predicts nothing
}

// What all roles share.
struct PackageInfo {
  1: required i32 version
  2: required string model
  3: required string mode // local, ps, heter-ps
  4: required i64 seed
  5: required list<string> roles
  6: required list<Input> inputs
  7: required list<Table> tables
  8: required list<Parameter> parameters
  9: required list<Channel> trainChannels
  10: required list<Channel> inferChannels
  11: required list<DataSource> data
  12: required list<Channel> predictChannels
}
