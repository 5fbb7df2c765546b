// The calls that roles make to the coordinator. Everything runs on its strand.
#include "runtime/role/Coordinator.h"

#include "runtime/role/Model.h"
#include "runtime/role/Positions.h"

namespace heter::runtime {

Coordinator::Coordinator(const RoleContext &context, const ClusterFile &cluster, const RunHooks &hooks)
    : context_(context), cluster_(cluster), strand_(std::make_shared<Strand>(context.scheduler)),
      service_(std::make_shared<Service>("coordinator")), scoreboard_(context.scheduler, hooks) {
  if (context.options.predict)
    output_ = std::make_shared<PredictionOutput>(context.scheduler, strand_, hooks.predictions);
  auto expect = [this](const std::string &role, size_t count) {
    for (size_t i = 0; i < count; ++i)
      members_[{role, static_cast<int>(i)}];
  };
  expect("server", cluster_.servers.size());
  expect("cpu-trainer", cluster_.cpuTrainers.size());
  for (const auto &[deviceClass, addresses] : cluster_.heterTrainers)
    expect(heterTrainerPrefix + deviceClass, addresses.size());
}

Coordinator::~Coordinator() = default;

template <typename M>
void Coordinator::serve(void (Coordinator::*handle)(const CallContext &, typename M::Request &, const Responder<M> &)) {
  service_->on<M>([self = shared_from_this(), handle](const CallContext &context, typename M::Request request,
                                                      Responder<M> respond) {
    self->strand_->post([self, handle, context, request = std::move(request), respond = std::move(respond)]() mutable {
      ((*self).*handle)(context, request, respond);
    });
  });
}

StatusOr<std::string> Coordinator::listen() {
  serve<rpc::Join>(&Coordinator::join);
  serve<rpc::Finished>(&Coordinator::finished);
  serve<rpc::EndOfData>(&Coordinator::endOfData);
  serve<rpc::Failed>(&Coordinator::failed);
  serve<rpc::WaitForEnd>(&Coordinator::waitForEnd);
  serve<rpc::Goodbye>(&Coordinator::goodbye);
  service_->onPing([self = shared_from_this()](const CallContext &context) {
    self->strand_->post([self, context] { self->pinged(context); });
  });
  service_->onDisconnect([self = shared_from_this()](const CallContext &context, const Status &why) {
    self->strand_->post([self, context, why] { self->disconnected(context, why); });
  });
  return context_.transport.listen(cluster_.coordinator, service_->acceptor());
}

void Coordinator::start(UniqueFunction<void(StatusOr<RunResult>)> ended) {
  ended_ = std::move(ended);
  strand_->post([self = shared_from_this()] {
    self->waitForJoins();
    if (self->context_.watch)
      self->watch();
  });
}

Coordinator::Member *Coordinator::find(const rpc::RoleName &name) {
  auto it = members_.find({name.role, name.index});
  return it == members_.end() ? nullptr : &it->second;
}

Status Coordinator::checkJoin(const rpc::JoinRequest &request) {
  std::string caller = displayName(request.caller);
  const Member *member = find(request.caller);
  if (!member)
    return Status::invalidArgument(caller + " is not part of this run");
  if (member->joined)
    return Status::failedPrecondition(caller + " has joined already; is it started twice?");
  if (request.programHash != context_.package.hash)
    return Status::failedPrecondition(caller + " runs program " + request.programHash + ", the coordinator runs " +
                                      context_.package.hash + "; start all roles from one package");
  if (request.mode != context_.package.info.mode)
    return Status::failedPrecondition(caller + " runs mode " + request.mode + ", the coordinator runs " +
                                      context_.package.info.mode);
  return Status();
}

void Coordinator::join(const CallContext &context, rpc::JoinRequest &request, const Responder<rpc::Join> &respond) {
  if (phase_ != Phase::Joining)
    return respond(Status::failedPrecondition("the run has begun already"));
  if (Status status = checkJoin(request); !status.ok()) {
    respond(status);
    return fail(status);
  }
  Member &member = *find(request.caller);
  member.joined = true;
  member.connection = context.connection;
  member.lastHeard = context_.scheduler.now();
  member.join = respond;
  waitForJoins();
  auto index = static_cast<size_t>(request.caller.index);
  // The cluster file says where a role is dialled, which need not be where it listens (a relay, a port forward); only
  // port 0 asks the role itself.
  std::string *address = nullptr;
  if (request.caller.role == "server")
    address = &cluster_.servers[index];
  else if (request.caller.role.starts_with(heterTrainerPrefix))
    address = &cluster_.heterTrainers[request.caller.role.substr(heterTrainerPrefix.size())][index];
  if (address && address->ends_with(":0"))
    *address = request.address;
  if (whatIsMissing().empty())
    everybodyJoined();
}

void Coordinator::finished(const CallContext &, rpc::FinishedRequest &request,
                           const Responder<rpc::Finished> &respond) {
  if (!output_)
    respond(rpc::Ack());
  takeReport(request);
  if (output_)
    output_->whenReady([respond](Status status) { status.ok() ? respond(rpc::Ack()) : respond(status); });
}

void Coordinator::takeReport(rpc::FinishedRequest &request) {
  Phase expected = request.frame.training ? Phase::Training : Phase::Testing;
  if (phase_ != expected)
    return;
  auto floats = [](const std::string &bytes) {
    const auto *begin = reinterpret_cast<const float *>(bytes.data());
    return std::vector<float>(begin, begin + bytes.size() / sizeof(float));
  };
  FrameReport report;
  report.step = request.frame.step;
  report.microBatch = request.frame.microBatch;
  report.stepMicroBatches = request.stepMicroBatches;
  report.examples = request.examples;
  report.expectedExamples = request.expectedExamples;
  report.lines = std::move(request.lines);
  report.after = fromWire(request.after);
  for (rpc::ReportedMetric &metric : request.metrics) {
    if (metric.predictions.size() != metric.labels.size())
      return fail(Status::internal("a report has other numbers of predictions and labels"));
    report.metrics.push_back({std::move(metric.metric), std::move(metric.name), metric.value,
                              floats(metric.predictions), floats(metric.labels)});
  }
  auto steps = scoreboard_.add(std::move(report));
  if (!steps.ok())
    return fail(steps.status());
  for (CompleteStep &step : *steps) {
    if (request.frame.training)
      toClose_.push_back(std::move(step));
    else if (output_)
      if (Status status = output_->add(std::move(step.lines)); !status.ok())
        return fail(status);
  }
  closeNextStep();
  scoreboard_.countPredictions();
}

void Coordinator::endOfData(const CallContext &, rpc::EndOfDataRequest &request,
                            const Responder<rpc::EndOfData> &respond) {
  Member *member = find(request.caller);
  Phase expected = request.training ? Phase::Training : Phase::Testing;
  if (!member || phase_ != expected)
    return respond(over() ? Status::cancelled("the run has ended")
                          : Status::failedPrecondition("this is not the time to end the data"));
  member->endOfData = respond;
  advanceIfPhaseEnded();
}

void Coordinator::failed(const CallContext &, rpc::FailedRequest &request, const Responder<rpc::Failed> &respond) {
  respond(rpc::Ack());
  std::string name = displayName(request.caller);
  auto code = static_cast<StatusCode>(request.code);
  Status why(code == StatusCode::Ok ? StatusCode::Internal : code, request.message);
  if (!request.message.starts_with(name))
    why = why.withContext(name);
  if (why.isRetryable() || why.code() == StatusCode::Cancelled)
    return suspect(why);
  fail(why);
}

void Coordinator::waitForEnd(const CallContext &, rpc::WaitForEndRequest &request,
                             const Responder<rpc::WaitForEnd> &respond) {
  Member *member = find(request.caller);
  if (!member)
    return respond(Status::invalidArgument(displayName(request.caller) + " is not part of this run"));
  if (!over()) {
    member->waitForEnd = respond;
    return;
  }
  rpc::WaitForEndReply reply;
  reply.code = static_cast<int32_t>(outcome_.code());
  reply.message = outcome_.message();
  respond(std::move(reply));
}

void Coordinator::goodbye(const CallContext &, rpc::GoodbyeRequest &request, const Responder<rpc::Goodbye> &respond) {
  respond(rpc::Ack());
  Member *member = find(request.caller);
  if (!member || member->left)
    return;
  member->left = true;
  member->report = request.report;
  if (!over())
    return suspect(Status::unavailable(displayName(request.caller) + " left before the end of the run"));
  leaveIfAlone();
}

void Coordinator::pinged(const CallContext &context) {
  for (auto &[key, member] : members_)
    if (member.joined && member.connection == context.connection)
      member.lastHeard = context_.scheduler.now();
}

void Coordinator::disconnected(const CallContext &context, const Status &why) {
  for (auto &[key, member] : members_)
    if (member.joined && !member.left && member.connection == context.connection)
      return lose(key, member, why.message());
}

} // namespace heter::runtime
