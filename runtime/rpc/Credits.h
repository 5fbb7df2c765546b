// Credits: how many bytes of calls a peer lets us have unanswered on one link class. The receiver grants them in its
// reply to `hello`; a call takes its size when it is sent and gives it back when it ends.
#ifndef HETER_RUNTIME_RPC_CREDITS_H
#define HETER_RUNTIME_RPC_CREDITS_H

#include <cstddef>

namespace heter::runtime {

/// What a role grants to each peer and class if it is not told otherwise.
inline constexpr size_t defaultCreditBytes = size_t{64} << 20;

/// Thread-compatible.
class Credits {
public:
  /// From now on `bytes` in all; 0 is no limit.
  void grant(size_t bytes) { granted_ = bytes; }

  /// Takes `bytes` if they are there. A call that is larger than the grant goes alone.
  bool take(size_t bytes) {
    if (granted_ > 0 && used_ > 0 && used_ + bytes > granted_)
      return false;
    used_ += bytes;
    return true;
  }

  /// REQUIRES: `bytes` were taken.
  void giveBack(size_t bytes) { used_ -= bytes; }

private:
  size_t granted_ = 0;
  size_t used_ = 0;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_RPC_CREDITS_H
