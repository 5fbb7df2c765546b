// Handlers of the server role. Pulls and pushes run on any thread at once; the parameter store is thread-safe.
#include "runtime/role/Server.h"

#include "runtime/table/CheckpointFiles.h"
#include "runtime/table/SparseTable.h"

namespace heter::runtime {

Server::Server(const RoleContext &context, int index, std::string address, const std::string &coordinatorAddress)
    : context_(context), self_(roleName("server", index)), address_(std::move(address)), model_(context.package.info),
      strand_(std::make_shared<Strand>(context.scheduler)), service_(std::make_shared<Service>(displayName(self_))),
      membership_(std::make_shared<Membership>(context, strand_, self_, coordinatorAddress)), gate_(context.scheduler) {
}

Server::~Server() = default;

void Server::start(UniqueFunction<void(StatusOr<RoleSummary>)> ended) {
  ended_ = std::move(ended);
  addMethods();
  strand_->post([self = shared_from_this()] {
    self->membership_->listenAndJoin(
        *self->service_, self->address_, [self](const rpc::JoinReply &reply) { self->joined(reply); },
        [self](Status status) { self->ended(std::move(status)); });
  });
}

void Server::joined(const rpc::JoinReply &reply) {
  StoreOptions options;
  options.seed = static_cast<uint64_t>(reply.seed);
  options.shardIndex = self_.index;
  options.shardCount = static_cast<int>(reply.servers.size());
  options.generation = reply.generation;
  options.background = [&scheduler = context_.scheduler](std::function<void()> task) {
    scheduler.postBlocking(std::move(task)); // the system clears memory in it
  };
  options.tier = {&context_.files, context_.options.tierPlace()};
  options.secondsNow = [&scheduler = context_.scheduler] { return scheduler.systemSeconds(); };
  options.besideTraining = [&scheduler = context_.scheduler, &pace = pace_](int64_t count, const auto &body) {
    unhurriedFor(scheduler, pace, count, body);
  };
  options.parallelFor = [&scheduler = context_.scheduler](int64_t count, const auto &body) {
    parallelFor(scheduler, count, body);
  };
  auto store = ParameterStore::create(
      context_.package.info, [this](const std::string &symbol) { return context_.kernels.find(symbol); }, options);
  Status status = store.ok() ? Status() : store.status();
  if (store.ok()) {
    store_ = std::move(*store);
    logTiers(*store_);
    saves_ = std::make_unique<ShardWriter>(context_.files, *store_);
    asynchronous_ = reply.asynchronous;
    generation_ = reply.generation;
    gate_.open(store_->version());
    ready_ = true;
  } else {
    membership_->fail(status);
  }
  for (Completion &waiting : std::exchange(waitingForReady_, {}))
    waiting(status);
}

void Server::whenReady(Completion done) {
  if (ready_)
    return done(Status());
  strand_->post([self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->ready_)
      return done(Status());
    self->waitingForReady_.push_back(std::move(done));
  });
}

void Server::ended(Status status) {
  gate_.close(Status::cancelled("the run has ended"));
  pace_.full();
  waitingForReady_.clear();
  service_->clear();
  RoleSummary summary = summarize(context_, self_, pushes_, 0);
  membership_->leave(summary, [summary, status = std::move(status), ended = std::move(ended_)]() mutable {
    status.ok() ? ended(summary) : ended(status);
  });
}

Status Server::checkGeneration(int64_t generation) const {
  if (!ready_)
    return Status::failedPrecondition("the server is not ready: no role may call it before its hello was answered");
  if (generation != generation_)
    return Status::failedPrecondition("a call of generation " + std::to_string(generation) +
                                      " was refused: this is generation " + std::to_string(generation_));
  return Status();
}

template <typename M> void Server::serve(StatusOr<typename M::Reply> (Server::*handle)(const typename M::Request &)) {
  service_->on<M>([self = shared_from_this(), handle](const CallContext &, typename M::Request request,
                                                      Responder<M> respond) { respond(((*self).*handle)(request)); });
}

/// The same for what reads and writes rows on disk, if there are tables that have some.
template <typename M>
void Server::serveWithRows(StatusOr<typename M::Reply> (Server::*handle)(const typename M::Request &)) {
  service_->on<M>(
      [self = shared_from_this(), handle](const CallContext &, typename M::Request request, Responder<M> respond) {
        auto run = [self, handle, request = std::move(request), respond] { respond(((*self).*handle)(request)); };
        self->runWithRows(std::move(run));
      });
}

void Server::runWithRows(std::function<void()> run) {
  if (ready_ && store_->isTiered()) // else it is refused, or the rows are in memory
    return context_.scheduler.postBlocking(std::move(run));
  run();
}

void Server::addMethods() {
  auto self = shared_from_this();
  addPeerMethods(*service_, context_, self_, [self](Completion done) { self->whenReady(std::move(done)); });
  service_->on<rpc::PullRows>([self](const CallContext &call, rpc::PullRowsRequest request, auto respond) {
    self->pullRows(call, std::move(request), std::move(respond));
  });
  service_->on<rpc::PullDense>([self](const CallContext &call, rpc::PullDenseRequest request, auto respond) {
    self->pullDense(call, std::move(request), std::move(respond));
  });
  service_->on<rpc::Push>([self](const CallContext &, rpc::PushRequest request, auto respond) {
    auto run = [self, respond, request = std::make_shared<const rpc::PushRequest>(std::move(request))] {
      Status status = self->push(request);
      status.ok() ? respond(rpc::Ack()) : respond(status);
    };
    // Pushes that are applied at once may want rows that are on disk.
    self->asynchronous_ ? self->runWithRows(std::move(run)) : run();
  });
  serveWithRows<rpc::CloseStep>(&Server::closeStep);
  serveWithRows<rpc::FinishSteps>(&Server::finishSteps);
  serveWithRows<rpc::MarkSave>(&Server::markSave);
  serve<rpc::HurrySave>(&Server::hurrySave);
  service_->on<rpc::Stats>([self](const CallContext &, rpc::StatsRequest request, auto respond) {
    auto run = [self, respond, request] { respond(self->stats(request)); };
    request.trimFirst ? self->runWithRows(std::move(run)) : run();
  });
  serveWithRows<rpc::ReadTable>(&Server::readTable);
  // Files are read and written off the compute threads.
  service_->on<rpc::Save>([self](const CallContext &, rpc::SaveRequest request, auto respond) {
    self->context_.scheduler.postBlocking([self, request, respond] { respond(self->save(request)); });
  });
  service_->on<rpc::Load>([self](const CallContext &, rpc::LoadRequest request, auto respond) {
    self->context_.scheduler.postBlocking([self, request, respond] { respond(self->load(request)); });
  });
}

/// Parks a pull until its version is there. `run` answers it, unless its caller has given up by then.
template <typename M>
void Server::park(const CallContext &call, int64_t minVersion, Responder<M> respond, UniqueFunction<void()> run) {
  TimePoint now = context_.scheduler.now();
  TimePoint until = call.timeLeft < TimePoint::max() - now ? now + call.timeLeft : TimePoint::max();
  gate_.wait(minVersion,
             [&scheduler = context_.scheduler, until, respond, run = std::move(run)](Status status) mutable {
               if (!status.ok())
                 return respond(status);
               if (scheduler.now() > until)
                 return respond(Status::deadlineExceeded("a parked pull was dropped: its deadline has passed"));
               run();
             });
}

void Server::pullRows(const CallContext &call, rpc::PullRowsRequest request, Responder<rpc::PullRows> respond) {
  if (Status status = checkGeneration(request.generation); !status.ok())
    return respond(status);
  auto part = model_.findPart(request.table, request.part);
  if (!part.ok())
    return respond(part.status());
  if (request.keys.size() % sizeof(uint64_t) != 0)
    return respond(Status::invalidArgument("the keys of a row pull are no whole numbers"));
  const int64_t minVersion = request.minVersion;
  park(call, minVersion, respond,
       [self = shared_from_this(), part = *part, request = std::move(request), respond]() mutable {
         struct Pull {
           rpc::PullRowsRequest request;
           rpc::PullRowsReply reply;
         };
         auto pull = std::make_shared<Pull>(Pull{std::move(request), {}});
         const std::span<const uint64_t> keys(reinterpret_cast<const uint64_t *>(pull->request.keys.data()),
                                              pull->request.keys.size() / sizeof(uint64_t));
         pull->reply.version = self->store_->version();
         pull->reply.rows.resize(keys.size() * static_cast<size_t>(self->store_->partDim(part)) * sizeof(float));
         self->store_->pullRows(
             part, keys, reinterpret_cast<float *>(pull->reply.rows.data()),
             [self, pull, respond](Status status) { status.ok() ? respond(std::move(pull->reply)) : respond(status); });
       });
}

void Server::pullDense(const CallContext &call, rpc::PullDenseRequest request, Responder<rpc::PullDense> respond) {
  if (Status status = checkGeneration(request.generation); !status.ok())
    return respond(status);
  for (int parameter : request.parameters)
    if (parameter < 0 || parameter >= store_->parameterCount())
      return respond(Status::invalidArgument("there is no parameter number " + std::to_string(parameter)));
  const int64_t minVersion = request.minVersion;
  park(call, minVersion, respond,
       [self = shared_from_this(), request = std::move(request), respond] { respond(self->denseReply(request)); });
}

StatusOr<rpc::PullDenseReply> Server::denseReply(const rpc::PullDenseRequest &request) {
  std::shared_ptr<const DenseVersion> dense =
      store_->denseVersion(request.averaged ? DenseValues::Averaged : DenseValues::Newest);
  rpc::PullDenseReply reply;
  reply.version = dense->version();
  reply.revision = static_cast<int64_t>(dense->revision());
  reply.unchanged = reply.revision == request.haveRevision;
  if (reply.unchanged)
    return reply;
  for (int parameter : request.parameters) {
    std::span<const float> values = dense->values(parameter);
    rpc::DensePiece piece;
    piece.parameter = parameter;
    piece.values.assign(reinterpret_cast<const char *>(values.data()), values.size_bytes());
    reply.pieces.push_back(std::move(piece));
  }
  return reply;
}

namespace {

std::span<const float> floatsOf(const std::string &bytes) {
  return {reinterpret_cast<const float *>(bytes.data()), bytes.size() / sizeof(float)};
}

} // namespace

Status Server::push(const std::shared_ptr<const rpc::PushRequest> &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request->generation));
  PushKey key{request->generation, request->step, request->microBatch, request->chunk};
  auto give = [&](const auto &push) {
    return asynchronous_ ? store_->applyNow(key, request->examples, push)
                         : store_->stagePush(key, request->examples, push);
  };
  ++pushes_;
  if (request->table >= 0) {
    HETER_ASSIGN_OR_RETURN(int part, model_.findPart(request->table, request->part));
    PushRows push{part,
                  {reinterpret_cast<const uint64_t *>(request->keys.data()), request->keys.size() / sizeof(uint64_t)},
                  floatsOf(request->values),
                  request,
                  floatsOf(request->counts)};
    return give(push);
  }
  for (const rpc::DensePiece &piece : request->pieces) {
    if (piece.parameter < 0 || piece.parameter >= store_->parameterCount())
      return Status::invalidArgument("there is no parameter number " + std::to_string(piece.parameter));
    HETER_RETURN_IF_ERROR(give(PushDense{piece.parameter, floatsOf(piece.values), piece.firstBlock, request}));
  }
  return Status();
}

StatusOr<rpc::CloseStepReply> Server::closeStep(const rpc::CloseStepRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  HETER_RETURN_IF_ERROR(store_->closeStep(request.step, request.microBatches, request.examples));
  gate_.open(store_->version());
  rpc::CloseStepReply reply;
  reply.version = store_->version();
  return reply;
}

StatusOr<rpc::Ack> Server::finishSteps(const rpc::FinishStepsRequest &request) {
  HETER_RETURN_IF_ERROR(checkGeneration(request.generation));
  HETER_RETURN_IF_ERROR(store_->finishSteps(request.steps));
  gate_.open(store_->version());
  return rpc::Ack();
}

StatusOr<rpc::StatsReply> Server::stats(const rpc::StatsRequest &request) {
  if (!ready_)
    return Status::failedPrecondition("the server is not ready");
  if (request.trimFirst)
    store_->trim();
  rpc::StatsReply reply;
  for (size_t t = 0; t < context_.package.info.tables.size(); ++t)
    reply.rows[context_.package.info.tables[t].name] = store_->rowCount(static_cast<int>(t));
  for (const auto &[table, figures] : store_->tierFigures()) {
    rpc::TierFigures &to = reply.tiers[table];
    to.rowsInMemory = figures.rowsInMemory;
    to.rowsOnDisk = figures.rowsOnDisk;
    to.keysPulled = figures.keysPulled;
    to.keysOnDisk = figures.keysOnDisk;
    to.blocksRead = figures.blocksRead;
    to.bytesWritten = figures.bytesWritten;
  }
  return reply;
}

StatusOr<rpc::ReadTableReply> Server::readTable(const rpc::ReadTableRequest &request) {
  constexpr size_t enoughBytes = size_t{1} << 20, mostKeys = 4096;
  if (!ready_)
    return Status::failedPrecondition("the server is not ready");
  rpc::ReadTableReply reply;
  if (request.table.empty()) {
    reply.manifest = checkpoint::printManifest(
        {0, store_->seed(), store_->version(), store_->options().shardCount, store_->schema(), {}, {}});
    return reply;
  }
  HETER_ASSIGN_OR_RETURN(const int index, store_->findTable(request.table));
  const SparseTable &table = store_->table(index);
  checkpoint::BlockBuilder rows;
  const auto add = [&](const RowImage &row) {
    rows.add(row.key);
    rows.add(uint32_t{row.admitted});
    rows.add(uint32_t{row.seen});
    rows.addFloats(row.state);
  };
  if (request.keys.empty()) {
    auto cursor = static_cast<uint64_t>(request.cursor);
    do {
      HETER_ASSIGN_OR_RETURN(cursor, table.visitSome(cursor, add));
    } while (cursor != 0 && rows.bytes().size() < enoughBytes);
    reply.cursor = static_cast<int64_t>(cursor);
  } else {
    const std::span<const uint64_t> keys(reinterpret_cast<const uint64_t *>(request.keys.data()),
                                         request.keys.size() / sizeof(uint64_t));
    if (request.keys.size() % sizeof(uint64_t) != 0 || keys.size() > mostKeys)
      return Status::invalidArgument("a call asks for the rows of at most " + std::to_string(mostKeys) +
                                     " keys, whole numbers all");
    for (uint64_t key : keys)
      HETER_RETURN_IF_ERROR(table.visitKey(key, add));
  }
  reply.rows = rows.bytes();
  return reply;
}

} // namespace heter::runtime
