// Status and StatusOr: how every fallible runtime function reports. A code says what kind of failure it is and, through
// `isRetryable`, whether the same call may succeed later; the message is one sentence for the user that names the place
// and the mend, lower-case, without a full stop.
#ifndef HETER_RUNTIME_BASE_STATUS_H
#define HETER_RUNTIME_BASE_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace heter::runtime {

enum class StatusCode {
  Ok,
  InvalidArgument,    ///< Wrong input: a flag, a file, a data line, a message. Never retried.
  NotFound,           ///< A named thing does not exist. Never retried.
  FailedPrecondition, ///< The system is in the wrong state, e.g. another program hash. Never retried.
  DataLoss,           ///< Stored bytes are damaged or truncated. Never retried.
  Unimplemented,      ///< Known but not supported yet. Never retried.
  Cancelled,          ///< The caller or a stop request ended it. Never retried.
  ResourceExhausted,  ///< Disk or memory is full. May be retried.
  DeadlineExceeded,   ///< No answer in time. May be retried.
  Unavailable,        ///< A peer is gone or not there yet. May be retried.
  Internal,           ///< A defect in Heter itself. Never retried.
};

/// The code's name as printed, e.g. "invalid argument".
std::string_view statusCodeName(StatusCode code);

/// The outcome of an operation. Cheap to copy when ok; thread-compatible.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status invalidArgument(std::string m) { return {StatusCode::InvalidArgument, std::move(m)}; }
  static Status notFound(std::string m) { return {StatusCode::NotFound, std::move(m)}; }
  static Status failedPrecondition(std::string m) { return {StatusCode::FailedPrecondition, std::move(m)}; }
  static Status dataLoss(std::string m) { return {StatusCode::DataLoss, std::move(m)}; }
  static Status unimplemented(std::string m) { return {StatusCode::Unimplemented, std::move(m)}; }
  static Status cancelled(std::string m) { return {StatusCode::Cancelled, std::move(m)}; }
  static Status resourceExhausted(std::string m) { return {StatusCode::ResourceExhausted, std::move(m)}; }
  static Status deadlineExceeded(std::string m) { return {StatusCode::DeadlineExceeded, std::move(m)}; }
  static Status unavailable(std::string m) { return {StatusCode::Unavailable, std::move(m)}; }
  static Status internal(std::string m) { return {StatusCode::Internal, std::move(m)}; }

  bool ok() const { return code_ == StatusCode::Ok; }
  StatusCode code() const { return code_; }
  const std::string &message() const { return message_; }

  /// Whether the same call may succeed if it is made again.
  bool isRetryable() const {
    return code_ == StatusCode::ResourceExhausted || code_ == StatusCode::DeadlineExceeded ||
           code_ == StatusCode::Unavailable;
  }

  /// The same status with `context + ": "` before the message; ok stays ok.
  Status withContext(std::string_view context) const {
    return ok() ? *this : Status(code_, std::string(context) + ": " + message_);
  }

private:
  StatusCode code_ = StatusCode::Ok;
  std::string message_;
};

/// A value or the status that says why there is none.
template <typename T> class [[nodiscard]] StatusOr {
public:
  StatusOr(Status status) : status_(std::move(status)) { assert(!status_.ok() && "an ok StatusOr needs a value"); }
  StatusOr(T value) : value_(std::move(value)) {}
  template <typename U>
    requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::decay_t<U>, Status> &&
             !std::is_same_v<std::decay_t<U>, StatusOr> && !std::is_same_v<std::decay_t<U>, T>)
  StatusOr(U &&value) : value_(std::forward<U>(value)) {}

  bool ok() const { return status_.ok(); }
  const Status &status() const { return status_; }

  /// REQUIRES: ok().
  T &value() & { return assert(ok()), *value_; }
  const T &value() const & { return assert(ok()), *value_; }
  T &&value() && { return assert(ok()), std::move(*value_); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

private:
  Status status_;
  std::optional<T> value_;
};

#define HETER_STATUS_CONCAT_(a, b) a##b
#define HETER_STATUS_CONCAT(a, b) HETER_STATUS_CONCAT_(a, b)

/// Returns from the enclosing function if `expr` is a failed Status.
#define HETER_RETURN_IF_ERROR(expr)                                                                                    \
  do {                                                                                                                 \
    if (::heter::runtime::Status heterStatus_ = (expr); !heterStatus_.ok())                                            \
      return heterStatus_;                                                                                             \
  } while (false)

/// Declares or assigns `lhs` from a StatusOr, or returns its status from the enclosing function.
#define HETER_ASSIGN_OR_RETURN(lhs, expr)                                                                              \
  auto HETER_STATUS_CONCAT(heterResult_, __LINE__) = (expr);                                                           \
  if (!HETER_STATUS_CONCAT(heterResult_, __LINE__).ok())                                                               \
    return HETER_STATUS_CONCAT(heterResult_, __LINE__).status();                                                       \
  lhs = std::move(*HETER_STATUS_CONCAT(heterResult_, __LINE__))

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_STATUS_H
