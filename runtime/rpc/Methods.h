// One type a method of Heter.thrift, which ties its name to its generated structs, says which link it travels on and
// what becomes of a call that arrives twice.
// `Service::on<M>` serves a method and `Client::call<M>` calls it. A new method needs its IDL entry, a type here, a
// handler, a call and a test.
#ifndef HETER_RUNTIME_RPC_METHODS_H
#define HETER_RUNTIME_RPC_METHODS_H

#include "runtime/rpc/Coordinator.h"
#include "runtime/rpc/HeterTrainer.h"
#include "runtime/rpc/Peer.h"
#include "runtime/rpc/Server.h"

#include <string_view>

namespace heter::runtime {

/// A peer has one link a class, so that a message never waits behind another class's bulk. Pull has the calls that the
/// receiver may park, for as long as the run lasts; the others' links so soon forget the replies they keep. Push and
/// Activation are answered at once and hold credits until then (Credits.h).
enum class LinkClass { Control = 0, Pull = 1, Push = 2, Activation = 3 };
inline constexpr int linkClassCount = 4;

/// What a service does with a call that is repeated after it was answered, because the reply was lost: run it once
/// more, which changes nothing, or send the kept reply again.
enum class Repeat { RunAgain, SendReplyAgain };

namespace rpc {

template <typename ArgsT, typename ResultT, LinkClass Class, Repeat OnRepeat = Repeat::SendReplyAgain> struct MethodOf {
  using Args = ArgsT;
  using Result = ResultT;
  using Request = decltype(ArgsT::request);
  using Reply = decltype(ResultT::success);
  static constexpr LinkClass linkClass = Class;
  static constexpr Repeat onRepeat = OnRepeat;
};

struct Hello : MethodOf<Peer_hello_args, Peer_hello_result, LinkClass::Control, Repeat::RunAgain> {
  static constexpr std::string_view name = "hello";
};
struct Ping : MethodOf<Peer_ping_args, Peer_ping_result, LinkClass::Control, Repeat::RunAgain> {
  static constexpr std::string_view name = "ping";
};

struct PullRows : MethodOf<Server_pullRows_args, Server_pullRows_result, LinkClass::Pull, Repeat::RunAgain> {
  static constexpr std::string_view name = "pullRows";
};
struct PullDense : MethodOf<Server_pullDense_args, Server_pullDense_result, LinkClass::Pull, Repeat::RunAgain> {
  static constexpr std::string_view name = "pullDense";
};
struct Push : MethodOf<Server_push_args, Server_push_result, LinkClass::Push, Repeat::RunAgain> {
  static constexpr std::string_view name = "push";
};
struct CloseStep : MethodOf<Server_closeStep_args, Server_closeStep_result, LinkClass::Control> {
  static constexpr std::string_view name = "closeStep";
};
struct FinishSteps : MethodOf<Server_finishSteps_args, Server_finishSteps_result, LinkClass::Control> {
  static constexpr std::string_view name = "finishSteps";
};
struct MarkSave : MethodOf<Server_markSave_args, Server_markSave_result, LinkClass::Control> {
  static constexpr std::string_view name = "markSave";
};
struct HurrySave : MethodOf<Server_hurrySave_args, Server_hurrySave_result, LinkClass::Control> {
  static constexpr std::string_view name = "hurrySave";
};
struct Save : MethodOf<Server_save_args, Server_save_result, LinkClass::Control> {
  static constexpr std::string_view name = "save";
};
struct Load : MethodOf<Server_load_args, Server_load_result, LinkClass::Control> {
  static constexpr std::string_view name = "load";
};
struct Stats : MethodOf<Server_stats_args, Server_stats_result, LinkClass::Control, Repeat::RunAgain> {
  static constexpr std::string_view name = "stats";
};
struct ReadTable : MethodOf<Server_readTable_args, Server_readTable_result, LinkClass::Control, Repeat::RunAgain> {
  static constexpr std::string_view name = "readTable";
};

struct RunFrame : MethodOf<HeterTrainer_runFrame_args, HeterTrainer_runFrame_result, LinkClass::Control> {
  static constexpr std::string_view name = "runFrame";
};
struct Send : MethodOf<HeterTrainer_send_args, HeterTrainer_send_result, LinkClass::Activation> {
  static constexpr std::string_view name = "send";
};
struct Receive : MethodOf<HeterTrainer_receive_args, HeterTrainer_receive_result, LinkClass::Pull> {
  static constexpr std::string_view name = "receive";
};

struct Join : MethodOf<Coordinator_join_args, Coordinator_join_result, LinkClass::Pull> {
  static constexpr std::string_view name = "join";
};
struct Finished : MethodOf<Coordinator_finished_args, Coordinator_finished_result, LinkClass::Control> {
  static constexpr std::string_view name = "finished";
};
struct EndOfData : MethodOf<Coordinator_endOfData_args, Coordinator_endOfData_result, LinkClass::Pull> {
  static constexpr std::string_view name = "endOfData";
};
struct Failed : MethodOf<Coordinator_failed_args, Coordinator_failed_result, LinkClass::Control> {
  static constexpr std::string_view name = "failed";
};
struct WaitForEnd : MethodOf<Coordinator_waitForEnd_args, Coordinator_waitForEnd_result, LinkClass::Pull> {
  static constexpr std::string_view name = "waitForEnd";
};
struct Goodbye : MethodOf<Coordinator_goodbye_args, Coordinator_goodbye_result, LinkClass::Control> {
  static constexpr std::string_view name = "goodbye";
};

} // namespace rpc
} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_METHODS_H
