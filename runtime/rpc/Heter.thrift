// What the roles of a run say to each other. docs/formats/wire.md is the page for people: it says who calls whom, in
// what order, and how a call fails. Binary protocol, framed; every method is a call with a reply (no oneway). The first
// field of every request is the time that its caller still waits, in microseconds (0: it does not say), and field 100
// says that every call of this connection with a lower number has had its reply (numbers wrap around; 0 says nothing). Keys, rows and tensors travel
// as raw little-endian bytes in `binary` fields.
namespace cpp heter.runtime.rpc

// A call that was understood and failed. `code` is a StatusCode (runtime/base/Status.h).
exception RpcError {
  1: required i32 code
  2: required string message
}

struct Ack {
}

// Who a process is: role key (cpu-trainer, server, heter-trainer.CLASS) and index among the processes of that key.
struct RoleName {
  1: required string role
  2: required i32 index
}

struct HelloRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
  3: required string programHash
  4: required string mode
  5: required i64 generation
}

struct HelloReply {
  1: required RoleName name
  2: required string programHash
  3: required i64 creditBytes // of pushes, and of activations, that the caller may have unanswered here
}

struct PingRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: list<i32> waitingFor // sequence numbers of calls of this connection whose replies are long in coming
}

struct PingReply {
  1: required list<i32> notRunning // those of them that never came, or were answered before: send them again
}

// A micro-batch being executed. Training and test frames are numbered apart.
struct FrameId {
  1: required i64 generation
  2: required i64 step
  3: required i32 microBatch // within its step
  4: required i32 attempt
  5: required bool training
}

// Every role that listens.
service Peer {
  // First call on a connection: refuses another program, mode or generation.
  HelloReply hello(1: HelloRequest request) throws (1: RpcError error)
  PingReply ping(1: PingRequest request) throws (1: RpcError error)
}

// ---------------------------------------------------------------------------------------------------------- server

struct PullRowsRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 minVersion // answered once the server holds this version or a newer one
  4: required i32 table      // index in PackageInfo.tables
  5: required i32 part
  6: required binary keys    // u64 each, unique, all owned by this server
}

struct PullRowsReply {
  1: required i64 version
  2: required binary rows // f32[dim] each, in the order of the keys
}

struct PullDenseRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 minVersion
  4: required i64 haveRevision // of the caller's replica; -1 for none
  5: required list<i32> parameters // indices in PackageInfo.parameters
  6: required bool averaged // averages in place of the values of parameters that keep one
}

// Consecutive blocks of a parameter that one server owns, beginning with its firstBlock-th (docs/formats/wire.md).
struct DensePiece {
  1: required i32 parameter
  2: required i64 firstBlock
  3: required binary values // f32 each
}

struct PullDenseReply {
  1: required i64 version
  2: required i64 revision // grows with every change of a dense value of this server
  3: required bool unchanged // the caller's replica has this revision; no pieces follow
  4: required list<DensePiece> pieces
}

// One push node's gradient sums for one server: of rows (table, part, keys, values), or of dense blocks if table is -1.
// (generation, step, microBatch, chunk) and what is pushed name a push; a second one of the same name changes nothing.
struct PushRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 step
  4: required i32 microBatch
  5: required i32 chunk
  6: required i64 examples
  7: required i32 table // -1: dense
  8: required i32 part
  9: required binary keys   // u64 each, unique
  10: required binary values // f32[dim] a key
  11: required list<DensePiece> pieces
  12: required binary counts // of a part that counts: shows and clicks, 2 f32 a key; else empty
}

struct CloseStepRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 step
  4: required list<i32> microBatches
  5: required i64 examples
}

struct CloseStepReply {
  1: required i64 version
}

// All micro-batches of the steps below `steps` have ended (asynchronous runs, which close no steps).
struct FinishStepsRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 steps
}

// The instant of the next save: all steps below `steps` have ended, and nothing of later ones was pushed, or it is staged.
struct MarkSaveRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required i64 steps
}

// Writes the parameters as they were at the last markSave; if there was none since the last save, as they are.
struct SaveRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required string folder
  4: required i64 saveNumber
  5: required i64 base // an earlier save of this run: write only the rows changed since; 0: all
}

// Nothing but the save that is marked or being written is waited for: it rests for nobody any more.
struct HurrySaveRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
}

struct SavedFile {
  1: required string name
  2: required i64 bytes
  3: required i64 checksum
}

// What one server wrote and synced; the coordinator's manifest of all of them is the commit.
struct SaveReply {
  1: required i32 shardIndex
  2: required i32 shardCount
  3: required i64 seed
  4: required i64 version
  5: required SavedFile rows
  6: required SavedFile dense
  7: required list<i64> rowsPerTable
  8: required bool increment // it holds only what changed since the base
}

struct LoadRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required i64 generation
  3: required string folder
}

// How far training has come in its data (runtime/base/DataPosition.h).
struct DataPosition {
  1: required i64 data
  2: required i64 epoch
  3: required i64 lines
  4: required i64 epochExamples
  5: required i64 badLines
  6: required i64 examples
  7: required bool ended
}

struct LoadReply {
  1: required i64 version
  2: required i64 seed
  3: required DataPosition position
}

struct StatsRequest {
  1: required i64 deadlineMicros
  2: bool trimFirst = 0             // have rows that memory has no room for leave first, which may take writing them
  100: i32 answeredBelow = 0
}

// Of a table with a tier below memory, on this server; keys are those pulled that have rows.
struct TierFigures {
  1: required i64 rowsInMemory
  2: required i64 rowsOnDisk
  3: required i64 keysPulled
  4: required i64 keysOnDisk
  5: required i64 blocksRead
  6: required i64 bytesWritten
}

struct StatsReply {
  1: required map<string, i64> rows // a table's rows on this server
  2: map<string, TierFigures> tiers
}

// For people who look into a live server: it takes part in no run and changes nothing. Rows are read while they change:
// each is whole, and of no one instant.
struct ReadTableRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required string table // empty: no rows are wanted
  3: required binary keys  // u64 each: the rows of these; empty: some rows in the order of mixed keys
  4: required i64 cursor   // 0: the first ones; else those behind the reply that gave it
}

struct ReadTableReply {
  1: required string manifest // that of a save without files (docs/formats/checkpoint.md), with `servers` of them
  2: required binary rows     // u64 key, u32 1 if it is whole, u32 period, f32 each of its state; of keys without a row nothing
  3: required i64 cursor      // where the next rows are; 0: there are no more
}

service Server extends Peer {
  PullRowsReply pullRows(1: PullRowsRequest request) throws (1: RpcError error)
  PullDenseReply pullDense(1: PullDenseRequest request) throws (1: RpcError error)
  Ack push(1: PushRequest request) throws (1: RpcError error)
  CloseStepReply closeStep(1: CloseStepRequest request) throws (1: RpcError error)
  Ack finishSteps(1: FinishStepsRequest request) throws (1: RpcError error)
  Ack markSave(1: MarkSaveRequest request) throws (1: RpcError error)
  Ack hurrySave(1: HurrySaveRequest request) throws (1: RpcError error)
  SaveReply save(1: SaveRequest request) throws (1: RpcError error)
  LoadReply load(1: LoadRequest request) throws (1: RpcError error)
  StatsReply stats(1: StatsRequest request) throws (1: RpcError error)
  ReadTableReply readTable(1: ReadTableRequest request) throws (1: RpcError error)
}

// --------------------------------------------------------------------------------------------------- heter-trainer

struct RunFrameRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required FrameId frame
  3: required i64 examples
  4: required i64 firstExample
  5: required i64 seed
  6: required i64 version // of the parameters, which the frame's pulls wait for
}

// One value of a channel. Kinds and element types are those of runtime/package/Package.thrift.
struct WireValue {
  1: required i32 kind
  2: required i32 element
  3: required list<i64> shape
  4: required binary data
  5: required binary offsets // ragged: i64 each; else empty
  6: required binary keys    // rows: i64 each; else empty
}

struct SendRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required FrameId frame
  3: required string channel
  4: required list<WireValue> values
}

struct ReceiveRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required FrameId frame
  3: required string channel
}

struct ReceiveReply {
  1: required list<WireValue> values
}

// The reply of runFrame means that the frame has ended, pushes included.
service HeterTrainer extends Peer {
  Ack runFrame(1: RunFrameRequest request) throws (1: RpcError error)
  Ack send(1: SendRequest request) throws (1: RpcError error)
  ReceiveReply receive(1: ReceiveRequest request) throws (1: RpcError error)
}

// ----------------------------------------------------------------------------------------------------- coordinator

struct JoinRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
  3: required string programHash
  4: required string mode
  5: required string address // where the caller listens, "" if it does not
}

// Answered when every role has joined; for trainers, when the servers are ready, too.
struct JoinReply {
  1: required i64 generation
  2: required i64 firstStep // the version of the parameters that training starts from
  3: required i64 seed
  4: required bool asynchronous
  5: required i32 microBatches // of a full step
  6: required i32 cpuTrainers
  7: required list<string> servers
  8: required map<string, list<string>> heterTrainers // by role key
  9: optional DataPosition resume // where training goes on in the data; unset: at its start
  10: i64 saveEvery = 0 // frames of an asynchronous run wait for the last step before theirs that this divides; 0: for none
  11: i64 staleness = 0 // if not asynchronous: a step reads the parameters of so many steps before its own, or newer ones
}

// What one report of the model gave for a micro-batch.
struct ReportedMetric {
  1: required string metric      // loss or auc
  2: required string name
  3: required double value       // loss: the mean over the micro-batch
  4: required binary predictions // auc: f32 each
  5: required binary labels      // auc: f32 each
}

struct FinishedRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required FrameId frame
  3: required i32 stepMicroBatches
  4: required i64 examples
  5: required i64 firstExample
  6: required list<ReportedMetric> metrics
  7: required i64 expectedExamples // of the whole pass over all trainers; 0: unknown
  8: required binary lines         // what was predicted, a line an example; empty unless the run predicts
  9: required DataPosition after   // where the data goes on after the step
}

struct EndOfDataRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
  3: required bool training
}

// Answered when every trainer has ended and every step is closed.
struct EndOfDataReply {
  1: required bool test // run the test pass now
  2: required i64 version
}

// What a role did, for the summary.
struct RoleReport {
  1: required i64 frames
  2: required i64 examples
  3: required i64 bytesSent
  4: required i64 bytesReceived
  5: required double cpuSeconds
  6: required i64 peakRssBytes
  7: required i64 badLines // malformed lines of the data that it passed over
  8: i64 rowHits = 0   // rows that were wanted, of a heter-trainer that keeps some: those that it had,
  9: i64 rowMisses = 0 // that it had not,
  10: i64 rowsStale = 0 // and that it had too old
}

struct FailedRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
  3: required i32 code
  4: required string message
}

struct WaitForEndRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
}

// The end of the run, answered once to every role.
struct WaitForEndReply {
  1: required i32 code // 0: the run ended well
  2: required string message
}

struct GoodbyeRequest {
  1: required i64 deadlineMicros
  100: i32 answeredBelow = 0
  2: required RoleName caller
  3: required RoleReport report
}

service Coordinator extends Peer {
  JoinReply join(1: JoinRequest request) throws (1: RpcError error)
  Ack finished(1: FinishedRequest request) throws (1: RpcError error)
  EndOfDataReply endOfData(1: EndOfDataRequest request) throws (1: RpcError error)
  Ack failed(1: FailedRequest request) throws (1: RpcError error)
  WaitForEndReply waitForEnd(1: WaitForEndRequest request) throws (1: RpcError error)
  Ack goodbye(1: GoodbyeRequest request) throws (1: RpcError error)
}
