// Logging: one line a message, to standard error unless a sink is set. Meant for what an operator reads (connections,
// steps, faults), never for per-example or per-node events.
#ifndef HETER_RUNTIME_BASE_LOG_H
#define HETER_RUNTIME_BASE_LOG_H

#include <functional>
#include <string_view>

namespace heter::runtime {

enum class LogLevel { Debug, Info, Warning, Error };

/// Receives whole messages without a line end, one call at a time.
using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// Sends later messages to `sink`; an empty sink means standard error again. Thread-safe.
void setLogSink(LogSink sink);

/// Drops later messages below `level`. The default is Info. Thread-safe.
void setLogLevel(LogLevel level);

/// Put before every line that goes to standard error, e.g. "server 1: ". Empty by default. Thread-safe.
void setLogPrefix(std::string_view prefix);

/// Writes one message; line ends inside it become spaces. Thread-safe; lines never mix.
void log(LogLevel level, std::string_view message);

inline void logDebug(std::string_view message) { log(LogLevel::Debug, message); }
inline void logInfo(std::string_view message) { log(LogLevel::Info, message); }
inline void logWarning(std::string_view message) { log(LogLevel::Warning, message); }
inline void logError(std::string_view message) { log(LogLevel::Error, message); }

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_LOG_H
